"""`python -m examples.gallery DIR`: a bundle with the gallery in it, which any file host can serve.

Its programs are the catalogue's, but the shell and its tools, which are built here from Debian's
source and from `tests/guests/tools.c`; where that cannot be done, the shell's page is left out.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.guests.build import compile_wasix
from tests.programs import dash
from wasix.api.errors import WasixError
from wasix.web.build import build
from wasix.web.pages import templates

FOLDER = Path(__file__).parent
PROGRAMS = ("python", "sqlite3", "php", "ruby", "clang", "wasm-ld")
SHELL = "shell.html.j2"


def make(directory: Path) -> None:
    """Write the bundle. Raises `WasixError`."""
    pages = templates(FOLDER)
    reason = dash.reason_to_skip()
    if reason:
        print(f"the shell's page is left out: {reason}", file=sys.stderr)
        pages = [page for page in pages if page.name != SHELL]
    build(directory, PROGRAMS, pages)
    if not reason:
        shutil.copy(dash.shell(), directory / FOLDER.name / "sh.wasm")
        shutil.copy(compile_wasix("tools"), directory / FOLDER.name / "tools.wasm")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m examples.gallery DIR")
    try:
        make(Path(sys.argv[1]))
    except WasixError as error:
        sys.exit(f"wasix: {error}")
    print(f"{sys.argv[1]} is ready: wasix web serve {sys.argv[1]}, and open gallery/index.html")
