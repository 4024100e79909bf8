"""Types of WASI preview1, and the older layouts of `wasi_unstable` where they differ.

Source: the preview1 witx documents (`typenames.witx`, snapshot_0 and snapshot_1). Widths: fd, size,
exitcode, linkcount0 are u32; timestamps are nanoseconds.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from wasix.abi.errno import E
from wasix.abi.layout import Record, Scalar, Union

FD = Scalar("fd", "I")
SIZE = Scalar("size", "I")
FILESIZE = Scalar("filesize", "Q")
FILEDELTA = Scalar("filedelta", "q")
TIMESTAMP = Scalar("timestamp", "Q")
DEVICE = Scalar("device", "Q")
INODE = Scalar("inode", "Q")
LINKCOUNT = Scalar("linkcount", "Q")
LINKCOUNT0 = Scalar("linkcount", "I")
USERDATA = Scalar("userdata", "Q")
DIRCOOKIE = Scalar("dircookie", "Q")
EXITCODE = Scalar("exitcode", "I")
U32 = Scalar("u32", "I")

ERRNO = Scalar("errno", "H", tuple(code.name.lower() for code in E))
CLOCKID = Scalar(
    "clockid", "I", ("realtime", "monotonic", "process_cputime_id", "thread_cputime_id")
)
WHENCE = Scalar("whence", "B", ("set", "cur", "end"), symbolic=True)
WHENCE0 = Scalar("whence", "B", ("cur", "end", "set"), symbolic=True)
FILETYPE = Scalar(
    "filetype",
    "B",
    (
        "unknown",
        "block_device",
        "character_device",
        "directory",
        "regular_file",
        "socket_dgram",
        "socket_stream",
        "symbolic_link",
    ),
)
ADVICE = Scalar(
    "advice", "B", ("normal", "sequential", "random", "willneed", "dontneed", "noreuse")
)
EVENTTYPE = Scalar("eventtype", "B", ("clock", "fd_read", "fd_write"))
# preview1 names `dir` only. `socket` keeps a libc looking for the directories behind a socket.
PREOPENTYPE = Scalar("preopentype", "B", ("dir", "socket"))
SIGNAL = Scalar(
    "signal",
    "B",
    tuple(
        "none hup int quit ill trap abrt bus fpe kill usr1 segv usr2 pipe alrm term chld cont stop "
        "tstp ttin ttou urg xcpu xfsz vtalrm prof winch poll pwr sys".split()
    ),
    symbolic=True,
)

FDFLAGS = Scalar("fdflags", "H", ("append", "dsync", "nonblock", "rsync", "sync"), bits=True)
OFLAGS = Scalar("oflags", "H", ("creat", "directory", "excl", "trunc"), bits=True)
LOOKUPFLAGS = Scalar("lookupflags", "I", ("symlink_follow",), bits=True)
FSTFLAGS = Scalar("fstflags", "H", ("atim", "atim_now", "mtim", "mtim_now"), bits=True)
EVENTRWFLAGS = Scalar("eventrwflags", "H", ("hangup",), bits=True)
SUBCLOCKFLAGS = Scalar("subclockflags", "H", ("abstime",), bits=True)
RIFLAGS = Scalar("riflags", "H", ("peek", "waitall"), bits=True)
ROFLAGS = Scalar("roflags", "H", ("data_truncated",), bits=True)
SIFLAGS = Scalar("siflags", "H", bits=True)
SDFLAGS = Scalar("sdflags", "B", ("rd", "wr"), bits=True)
RIGHTS = Scalar(
    "rights",
    "Q",
    tuple(
        "fd_datasync fd_read fd_seek fd_fdstat_set_flags fd_sync fd_tell fd_write fd_advise "
        "fd_allocate path_create_directory path_create_file path_link_source path_link_target "
        "path_open fd_readdir path_readlink path_rename_source path_rename_target "
        "path_filestat_get path_filestat_set_size path_filestat_set_times fd_filestat_get "
        "fd_filestat_set_size fd_filestat_set_times path_symlink path_remove_directory "
        "path_unlink_file poll_fd_readwrite sock_shutdown sock_accept".split()
    ),
    bits=True,
)


class Fdstat(NamedTuple):
    filetype: Annotated[int, FILETYPE]
    flags: Annotated[int, FDFLAGS]
    rights_base: Annotated[int, RIGHTS]
    rights_inheriting: Annotated[int, RIGHTS]


class Filestat(NamedTuple):
    dev: Annotated[int, DEVICE]
    ino: Annotated[int, INODE]
    filetype: Annotated[int, FILETYPE]
    nlink: Annotated[int, LINKCOUNT]
    size: Annotated[int, FILESIZE]
    atim: Annotated[int, TIMESTAMP]
    mtim: Annotated[int, TIMESTAMP]
    ctim: Annotated[int, TIMESTAMP]


Attributes = tuple[int, int, int, int, int, int, int, int]
"""The fields of a `Filestat` as a plain tuple, which takes a fifth of the time to make and store.
That counts where every `stat` of a guest comes by."""


class Filestat0(NamedTuple):
    """`wasi_unstable`: the link count is 32 bits wide, so the record is 8 bytes shorter."""

    dev: Annotated[int, DEVICE]
    ino: Annotated[int, INODE]
    filetype: Annotated[int, FILETYPE]
    nlink: Annotated[int, LINKCOUNT0]
    size: Annotated[int, FILESIZE]
    atim: Annotated[int, TIMESTAMP]
    mtim: Annotated[int, TIMESTAMP]
    ctim: Annotated[int, TIMESTAMP]


class Dirent(NamedTuple):
    """Head of a directory entry; the name's bytes follow it."""

    next: Annotated[int, DIRCOOKIE]
    ino: Annotated[int, INODE]
    namlen: Annotated[int, SIZE]
    type: Annotated[int, FILETYPE]


class PrestatDir(NamedTuple):
    name_len: Annotated[int, SIZE]


class SubscriptionClock(NamedTuple):
    id: Annotated[int, CLOCKID]
    timeout: Annotated[int, TIMESTAMP]
    precision: Annotated[int, TIMESTAMP]
    flags: Annotated[int, SUBCLOCKFLAGS]


class SubscriptionClock0(NamedTuple):
    """`wasi_unstable`: an identifier, meant for cancelling and never used, comes first."""

    identifier: Annotated[int, USERDATA]
    id: Annotated[int, CLOCKID]
    timeout: Annotated[int, TIMESTAMP]
    precision: Annotated[int, TIMESTAMP]
    flags: Annotated[int, SUBCLOCKFLAGS]


class SubscriptionFd(NamedTuple):
    fd: Annotated[int, FD]


FDSTAT = Record(Fdstat)
FILESTAT = Record(Filestat)
FILESTAT0 = Record(Filestat0, "filestat")
DIRENT = Record(Dirent)
PRESTAT = Union("prestat", PREOPENTYPE, Record(PrestatDir), None)
_FD_CASE = Record(SubscriptionFd)
SUBSCRIPTION_U = Union("subscription_u", EVENTTYPE, Record(SubscriptionClock), _FD_CASE, _FD_CASE)
SUBSCRIPTION_U0 = Union("subscription_u", EVENTTYPE, Record(SubscriptionClock0), _FD_CASE, _FD_CASE)


_SubscriptionU = tuple[int, SubscriptionClock | SubscriptionClock0 | SubscriptionFd]


class Subscription(NamedTuple):
    userdata: Annotated[int, USERDATA]
    u: Annotated[_SubscriptionU, SUBSCRIPTION_U]


class Subscription0(NamedTuple):
    userdata: Annotated[int, USERDATA]
    u: Annotated[_SubscriptionU, SUBSCRIPTION_U0]


class EventFdReadwrite(NamedTuple):
    nbytes: Annotated[int, FILESIZE]
    flags: Annotated[int, EVENTRWFLAGS]


EVENT_FD_READWRITE = Record(EventFdReadwrite, "event_fd_readwrite")


class Event(NamedTuple):
    userdata: Annotated[int, USERDATA]
    error: Annotated[int, ERRNO]
    type: Annotated[int, EVENTTYPE]
    fd_readwrite: Annotated[EventFdReadwrite, EVENT_FD_READWRITE]


SUBSCRIPTION = Record(Subscription)
SUBSCRIPTION0 = Record(Subscription0, "subscription")
EVENT = Record(Event)


class Bits:
    """The bit masks of a flags type as attributes: `Bits(RIGHTS).FD_READ`."""

    def __init__(self, flags: Scalar) -> None:
        self.ALL = (1 << len(flags.members)) - 1
        for bit, name in enumerate(flags.members):
            setattr(self, name.upper(), 1 << bit)

    def __getattr__(self, name: str) -> int:
        raise AttributeError(name)


Rights = Bits(RIGHTS)
Fdflags = Bits(FDFLAGS)
Oflags = Bits(OFLAGS)
Fstflags = Bits(FSTFLAGS)


class Filetype:
    """Values of `filetype`."""

    UNKNOWN, BLOCK_DEVICE, CHARACTER_DEVICE, DIRECTORY = 0, 1, 2, 3
    REGULAR_FILE, SOCKET_DGRAM, SOCKET_STREAM, SYMBOLIC_LINK = 4, 5, 6, 7
