"""Linear memory that two processes see: a file mapped over it where the engine has put it.

The engine allocates linear memory for itself, as ordinary private memory. Once it is there, its
contents are copied to a file, and the file is mapped shared at the same address; the engine's
code goes on reading and writing there and the host sees it in a mapping of its own. This needs an
address that is a whole page's and does not change when memory grows, which engines have that
reserve address space to catch accesses out of bounds; `engines.child.main` tests it at start.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import tempfile
from contextlib import suppress

_CHUNK = 1 << 20
_ZEROS = bytes(_CHUNK)
_MAP_FIXED = 0x10
_FAILED = ctypes.c_void_p(-1).value


def shared_file() -> int:
    """A descriptor of an empty file that has no name. Raises `OSError`."""
    if sys.platform == "linux":
        import fcntl

        handle = os.memfd_create("wasix", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        # Were it cut, the host would be hit by SIGBUS in the middle of a system call.
        fcntl.fcntl(handle, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        return handle
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def seen(handle: int, length: int) -> memoryview:
    """The first `length` bytes of such a file, as they change. Raises `OSError`, `ValueError`."""
    return memoryview(mmap.mmap(handle, length)) if length else memoryview(bytearray())


class Window:
    """The child's side: keeps the file laid over linear memory."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._address = 0
        self._length = 0
        self._map = ctypes.CDLL(None, use_errno=True).mmap
        self._map.restype = ctypes.c_void_p
        self._map.argtypes = [
            *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int),
            *(ctypes.c_int, ctypes.c_int64),
        ]

    def cover(self, memory: memoryview) -> None:
        """Lay the file over `memory`, which is all of linear memory. Raises `OSError`."""
        length = len(memory)
        if not length:
            return
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        if (self._length and address != self._address) or address % mmap.PAGESIZE:
            # What the engine does with the old place, it would now do to the guest's memory.
            raise OSError("the engine moves linear memory")
        start, self._address, self._length = self._length, address, length
        os.ftruncate(self._handle, length)
        for place in range(start, length, _CHUNK):
            piece = bytes(memory[place : place + _CHUNK])
            if piece != _ZEROS[: len(piece)]:
                os.pwrite(self._handle, piece, place)
        found = self._map(
            *(address + start, length - start, mmap.PROT_READ | mmap.PROT_WRITE),
            *(mmap.MAP_SHARED | _MAP_FIXED, self._handle, start),
        )
        if found == _FAILED:
            raise OSError(ctypes.get_errno(), "linear memory cannot be shared")


def close(handle: int) -> None:
    with suppress(OSError):
        os.close(handle)
