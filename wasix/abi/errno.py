"""Error numbers of WASI preview1 and WASIX, and the exception that carries one.

Source: preview1 `errno` (0-76); WASIX adds 77-80.
"""

from __future__ import annotations

import errno as _host
from enum import IntEnum


class E(IntEnum):
    """An error number as the guest sees it (u16)."""

    SUCCESS = 0
    TOOBIG = 1
    ACCES = 2
    ADDRINUSE = 3
    ADDRNOTAVAIL = 4
    AFNOSUPPORT = 5
    AGAIN = 6
    ALREADY = 7
    BADF = 8
    BADMSG = 9
    BUSY = 10
    CANCELED = 11
    CHILD = 12
    CONNABORTED = 13
    CONNREFUSED = 14
    CONNRESET = 15
    DEADLK = 16
    DESTADDRREQ = 17
    DOM = 18
    DQUOT = 19
    EXIST = 20
    FAULT = 21
    FBIG = 22
    HOSTUNREACH = 23
    IDRM = 24
    ILSEQ = 25
    INPROGRESS = 26
    INTR = 27
    INVAL = 28
    IO = 29
    ISCONN = 30
    ISDIR = 31
    LOOP = 32
    MFILE = 33
    MLINK = 34
    MSGSIZE = 35
    MULTIHOP = 36
    NAMETOOLONG = 37
    NETDOWN = 38
    NETRESET = 39
    NETUNREACH = 40
    NFILE = 41
    NOBUFS = 42
    NODEV = 43
    NOENT = 44
    NOEXEC = 45
    NOLCK = 46
    NOLINK = 47
    NOMEM = 48
    NOMSG = 49
    NOPROTOOPT = 50
    NOSPC = 51
    NOSYS = 52
    NOTCONN = 53
    NOTDIR = 54
    NOTEMPTY = 55
    NOTRECOVERABLE = 56
    NOTSOCK = 57
    NOTSUP = 58
    NOTTY = 59
    NXIO = 60
    OVERFLOW = 61
    OWNERDEAD = 62
    PERM = 63
    PIPE = 64
    PROTO = 65
    PROTONOSUPPORT = 66
    PROTOTYPE = 67
    RANGE = 68
    ROFS = 69
    SPIPE = 70
    SRCH = 71
    STALE = 72
    TIMEDOUT = 73
    TXTBSY = 74
    XDEV = 75
    NOTCAPABLE = 76
    SHUTDOWN = 77
    MEMVIOLATION = 78
    UNKNOWN = 79
    PENDING = 80


# Host names that differ from the guest's, by the host's own name.
_RENAMED = {"E2BIG": E.TOOBIG, "EWOULDBLOCK": E.AGAIN, "EOPNOTSUPP": E.NOTSUP, "EDQUOT": E.DQUOT}

_FROM_HOST: dict[int, E] = {
    number: _RENAMED.get(name) or E.__members__[name[1:]]
    for number, name in _host.errorcode.items()
    if name in _RENAMED or name[1:] in E.__members__
}


class Errno(Exception):
    """A system call ends with this error number; the guest sees `code`."""

    def __init__(self, code: E) -> None:
        self.code = code

    def __str__(self) -> str:
        return self.code.name.lower()

    @classmethod
    def of(cls, error: OSError) -> Errno:
        """The guest's error for a host error; `io` for one the ABI has no name for."""
        return cls(_FROM_HOST.get(error.errno or 0, E.IO))


class Partial(Errno):
    """A system call ends with this error number, and stores `results` all the same."""

    def __init__(self, code: E, *results: object) -> None:
        super().__init__(code)
        self.results = results


UNWIND = -1
"""What a call answers instead of an errno when the guest must not go on."""
SUSPEND = -1002
"""When the guest's stack must be unwound (asyncify), to go on with it later."""
UPCALL = -1003
"""When a function of the guest's must be called before the call can go on."""


class Unwind(Exception):
    """The call does not return: the guest must be unwound without running any more of it."""
