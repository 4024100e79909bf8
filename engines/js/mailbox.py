"""Where the glue leaves a system call: its number in the first four bytes, the length of linear
memory in the second eight when that is new, what is left of a metered guest's fuel in the third,
then the arguments. The answer comes in the first four bytes.

Some numbers are no calls of the guest's, but of the glue itself (`engines.js.entries`).
"""

MAILBOX_SIZE = 256
FUEL = 16
ARGUMENTS = 24
"""Where the arguments begin, in bytes: as a C struct of the wasm parameters."""

CALLEE = -2
"""After `UPCALL`: what to call, by its place among the exports; `MISSING` if it is not there."""
MISSING = -2
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
VALUES = frozenset((ARGUMENT, ANSWER))
"""Those answered by any number; all others, as calls, by `UNWIND` if the guest must not go on."""
