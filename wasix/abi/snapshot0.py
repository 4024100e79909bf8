"""`wasi_unstable`: preview1's predecessor, without `sock_accept` and with four older layouts.

Source: `phases/old/snapshot_0` of the WASI documents.
"""

from __future__ import annotations

from wasix.abi import preview1
from wasix.abi import types as t
from wasix.abi.function import Interface, replace_types

SNAPSHOT0 = Interface(
    "wasi_unstable",
    "WASI snapshot 0",
    replace_types(
        (function for function in preview1.FUNCTIONS if function.name != "sock_accept"),
        {t.FILESTAT: t.FILESTAT0, t.SUBSCRIPTION: t.SUBSCRIPTION0, t.WHENCE: t.WHENCE0},
    ),
)
