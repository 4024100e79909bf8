"""A subject's process: `python -m bench.subjects NAME FOLDER`."""

from __future__ import annotations

import json
import os
import sys

from bench.subjects import Unsupported, make


def main() -> None:
    # Guests must not write where the answers go.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name, folder = sys.argv[1:]
    subject = make(name, folder)
    for line in sys.stdin:
        method, *args = json.loads(line)
        try:
            function = getattr(subject, method, None)
            if function is None:
                raise Unsupported(f"{name} cannot be measured so")
            answer = {"value": function(*args)}
        except Unsupported as error:
            answer = {"unsupported": str(error)}
        print(json.dumps(answer), file=answers, flush=True)
    # Some runtimes do not survive the end of the interpreter with guests still alive.
    answers.close()
    os._exit(0)


main()
