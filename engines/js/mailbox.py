"""Where the glue leaves a system call: its number in the first four bytes, the length of linear
memory in the second eight when that is new, what is left of a metered guest's fuel in the third,
then the arguments."""

MAILBOX_SIZE = 256
FUEL = 16
ARGUMENTS = 24
"""Where the arguments begin, in bytes: as a C struct of the wasm parameters."""
