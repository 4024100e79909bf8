"""Generates the JavaScript that runs a guest for an engine whose linear memory Python sees."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from engines import asyncify
from engines.js import mailbox
from engines.js.backtrace import MOST
from engines.js.imports import wanted
from engines.js.mailbox import ARGUMENTS, FUEL, MAILBOX_SIZE
from engines.protocol import Linked
from engines.wasm.waits import FILLER
from wasix.abi import NUMBERS, SUSPEND, UNWIND, UPCALL, E, Function
from wasix.abi.instance import Snapshot

_SCRIPT = Path(__file__).parent / "direct.js"

_CONSTANTS: dict[str, int | str | list[int]] = {
    "FILLER": list(FILLER),
    "FRAMES": MOST,
    "FUEL": FUEL // 8,
    "ARGUMENT": ARGUMENTS // 4,
    "MAILBOX_SIZE": MAILBOX_SIZE,
    "UNWIND": UNWIND,
    "SUSPEND": SUSPEND,
    "UPCALL": UPCALL,
    "NOMEM": int(E.NOMEM),
    "AREA": asyncify.SIZE,
    "PAGE": asyncify.PAGE,
    "MOST_UPCALLS": asyncify.MOST_UPCALLS,
    "DID_NOT_UNWIND": asyncify.DID_NOT_UNWIND,
    "DID_NOT_REWIND": asyncify.DID_NOT_REWIND,
    "TOO_DEEP": asyncify.TOO_DEEP,
    "NO_ROOM": asyncify.NO_ROOM,
    "DAMAGED": asyncify.DAMAGED,
    "ASK_CALLEE": mailbox.CALLEE,
    "ASK_ARGUMENT": mailbox.ARGUMENT,
    "ASK_PROCEED": mailbox.PROCEED,
    "ASK_SUSPENDED": mailbox.SUSPENDED,
    "ASK_ANSWER": mailbox.ANSWER,
    "ASK_RESTORE": mailbox.RESTORE,
    "ASK_TEXT": mailbox.TEXT,
    "ASK_CHUNK": mailbox.CHUNK,
    "ASK_ADAPTER": mailbox.ADAPTER,
    "IMPORTED": mailbox.IMPORTED,
    "ASK_TOLD": mailbox.TOLD,
    "TOLD_SIZE": mailbox.TOLD_SIZE,
    "CHUNK_SIZE": mailbox.CHUNK_SIZE,
    "REQUESTED": mailbox.REQUESTED,
    "SLOT": asyncify.SLOT,
    "MOST_ADAPTERS": 1024,
}


def _call(number: int, function: Function) -> str:
    """The function a guest imports: it leaves its arguments in the mailbox, each aligned."""
    names, stores, offset = [], [], ARGUMENTS
    for position, carrier in enumerate(function.wasm_params):
        size, words = (8, "longs") if carrier == "i64" else (4, "words")
        offset = -(-offset // size) * size
        names.append(f"p{position}")
        stores.append(f"{words}[{offset // size}] = p{position};")
        offset += size
    assert offset <= MAILBOX_SIZE
    answer = "" if function.void else "return "
    # As a method it has the call's name, which a profile shows.
    body = f"{' '.join(stores)} {answer}enter({number});"
    method = f"{function.identifier}({', '.join(names)}) {{ {body} }}"
    return f"{number}: {{ {method} }}.{function.identifier},"


@cache
def direct() -> str:
    """The script that defines `guest`; see the comments in `direct.js`."""
    return "\n".join(
        (
            '(() => { "use strict";',
            *(f"const {name} = {json.dumps(value)};" for name, value in _CONSTANTS.items()),
            _SCRIPT.read_text(),
            "})();",
        )
    )


def given(program: Linked, snapshot: Snapshot | None = None) -> str:
    """The arguments of `guest.instantiate` for `program`, with the functions it is served by, from
    its beginning or from a snapshot.

    Only these, and not in the script: V8 takes as long to read the text of all calls as to start
    a small guest.
    """
    functions = sorted({(NUMBERS[function], function) for function in program.served})
    calls = " ".join(_call(number, function) for number, function in functions)
    imports = wanted(program, snapshot)
    return f"{program.module.size}, {imports}, (words, longs, enter) => ({{ {calls} }})"
