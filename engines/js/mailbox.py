"""Where the glue leaves a system call: its number in the first four bytes, the length of linear
memory in the second eight when that is new, what is left of a metered guest's fuel in the third,
then the arguments. The answer comes in the first four bytes.

Some numbers are no calls of the guest's, but of the glue itself (`engines.js.entries`). To some of
these the host has more to say than four bytes hold: it leaves that behind the mailbox.
"""

MAILBOX_SIZE = 256
CHUNK_SIZE = 65536
"""Bytes that lie behind the mailbox, for what the host answers to `CHUNK`."""
FUEL = 16
ARGUMENTS = 24
"""Where the arguments begin, in bytes: as a C struct of the wasm parameters."""

CALLEE = -2
"""After `UPCALL`: what to call, by its place among the exports; `MISSING` if it is not there."""
MISSING = -2
REQUESTED = -3
"""In place of a place: there is something else to be done."""
ARGUMENT = -3
"""(index): an argument of the upcall."""
PROCEED = -4
"""The upcall has returned: what the call answers that asked for it."""
SUSPENDED = -5
"""(area): the stack is unwound. 0 if it is to be rewound, with the variables in the area."""
ANSWER = -6
"""What the call that it is rewound to answers."""
RESTORE = -7
"""Memory is large enough for the snapshot; 0 when it is there, with the variables in its area."""
TEXT = -8
"""The length of a JSON text that says what is to be done: the next bytes of the stream, which go on
with the module that it mentions, if it does."""
CHUNK = -9
"""(most): how many of the stream's next bytes lie behind the mailbox now."""
ADAPTER = -10
"""(index, attempt): for a function that has this index in its module. The length of a JSON text,
as for `TEXT`, about the module to call it with if it has the type; 0 if there are no more."""
IMPORTED = (1 << 32) - 1
"""For `ADAPTER`, instead of an index: of a function that was imported."""
TOLD = -11
"""(length, bytes): a part of what comes of what is to be done, as JSON in ASCII."""
TOLD_SIZE = MAILBOX_SIZE - ARGUMENTS - 4
VALUES = frozenset((ARGUMENT, ANSWER))
"""Those answered by any number; all others, as calls, by `UNWIND` if the guest must not go on."""
