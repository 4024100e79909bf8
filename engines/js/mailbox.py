"""Where the glue leaves a system call: its number in the first four bytes, the length of linear
memory in the second eight when that is new, then the arguments."""

MAILBOX_SIZE = 256
ARGUMENTS = 16
"""Where the arguments begin, in bytes: as a C struct of the wasm parameters."""
