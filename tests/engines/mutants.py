"""`python -m tests.engines.mutants ENGINE COUNT FILE...`: runs modules with some bytes changed.

Each is linked and run, most of them with fuel. Prints how they ended, by status, as JSON; and on
standard error the number of each before it is begun, so that one that harms the host is known.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import wasix
from engines.wasm import decode
from engines.wasm.binary import CODE

FUEL = 300_000


def mutant(number: int, modules: list[bytes]) -> bytes:
    """The same for the same number: a module with 1 to 4 bytes changed, mostly in its code."""
    chance = random.Random(number)
    data = bytearray(chance.choice(modules))
    module = decode(data)
    (code,) = (section for section in module.sections if section.id == CODE)
    parts = [range(8, len(data)), *[range(code.offset, code.offset + len(code.payload))] * 3]
    del module, code
    for _ in range(chance.randint(1, 4)):
        data[chance.choice(chance.choice(parts))] = chance.choice(
            (chance.randrange(256), 0, 0x7F, 0xFF)
        )
    return bytes(data)


def run(engine: str, path: Path, data: bytes, *, metered: bool) -> str:
    """How it ended: its status, or the error that it was not started for."""
    path.write_bytes(data)
    options = {"fuel": FUEL} if metered else {"time_limit": 0.3}
    try:
        with wasix.Popen(
            [path],
            engine=engine,
            stdin=b"some text\n",
            stdout=wasix.DEVNULL,
            stderr=wasix.DEVNULL,
            memory_limit="64 MiB",
            table_limit=100_000,
            output_limit="1 MiB",
            background=False,
            **options,
        ) as guest:
            status = guest.wait()
            # 70 is a failure of the runtime's own.
            return f"{status}: {guest.message}" if status == 70 else str(status)
    except wasix.WasixError as error:
        return type(error).__name__


def main() -> None:
    engine, count, *names = sys.argv[1:]
    modules = [Path(name).read_bytes() for name in names]
    ends: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        os.environ["WASIX_CACHE"] = folder
        for number in range(int(count)):
            print(number, file=sys.stderr, flush=True)
            data = mutant(number, modules)
            ends[run(engine, Path(folder, "mutant.wasm"), data, metered=number % 8 != 0)] += 1
    print(json.dumps(ends))


if __name__ == "__main__":
    main()
