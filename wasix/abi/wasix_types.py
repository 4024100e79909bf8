"""Types of WASIX beyond those of preview1, with their wasm32 layout.

Source: wasix-libc's `api_wasix.h`, which is made from `wasix_v1.witx`. Durations and timestamps are
nanoseconds.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from wasix.abi import types as t
from wasix.abi.layout import Blob, Record, Scalar, Union

U16 = Scalar("u16", "H")
U64 = Scalar("u64", "Q")
BOOL = Scalar("bool", "B", ("false", "true"))
POINTER = Scalar("pointersize", "I")
PID = Scalar("pid", "I")
TID = Scalar("tid", "I")
LONGSIZE = Scalar("longsize", "Q")
CONTEXT_ID = Scalar("context_id", "Q")
DL_HANDLE = Scalar("dl_handle", "I")
FUNCTION_POINTER = Scalar("function_pointer", "I")

SIGNAL = Scalar(
    "signal",
    "B",
    tuple(
        "none hup int quit ill trap abrt bus fpe kill usr1 segv usr2 pipe alrm term stkflt chld "
        "cont stop tstp ttin ttou urg xcpu xfsz vtalrm prof winch poll pwr sys".split()
    ),
    symbolic=True,
)
"""Linux's numbers, in which it differs from preview1's."""
DISPOSITION = Scalar("disposition", "B", ("default", "ignore"))
FDFLAGSEXT = Scalar("fdflagsext", "H", ("cloexec",), bits=True)
EVENTFDFLAGS = Scalar("eventfdflags", "H", ("semaphore", "unused", "nonblock"), bits=True)
"""The ABI names the first alone, but libc passes on what a program gives `eventfd`."""
STDIO_MODE = Scalar("stdio_mode", "B", ("piped", "inherit", "null", "log"))
JOIN_FLAGS = Scalar("join_flags", "I", ("non_blocking", "wake_stopped"), bits=True)
JOIN_STATUS_TYPE = Scalar(
    "join_status_type", "B", ("nothing", "exit_normal", "exit_signal", "stopped")
)
SPAWN_FD_OP = Scalar("proc_spawn_fd_op_name", "B", ("close", "dup2", "open", "chdir", "fchdir"))
EPOLL_CTL = Scalar("epoll_ctl", "I", ("add", "mod", "del"))
EPOLL_TYPE = Scalar(
    "epoll_type", "I", ("in", "out", "rdhup", "pri", "err", "hup", "et", "oneshot"), bits=True
)
DL_FLAGS = Scalar(
    "dl_flags", "I", ("lazy", "now", "global", "noload", "nodelete", "deepbind"), bits=True
)
VALUE_TYPE = Scalar("wasm_value_type", "B", ("i32", "i64", "f32", "f64", "v128"))
OPTION = Scalar("option", "B", ("none", "some"))
RIFLAGS = Scalar("riflags", "H", ("peek", "waitall", "data_truncated", "dont_wait"), bits=True)
SIFLAGS = Scalar("siflags", "H", ("dont_wait",), bits=True)
ADDRESS_FAMILY = Scalar("address_family", "B", ("unspec", "inet4", "inet6", "unix"))
SOCK_TYPE = Scalar("sock_type", "B", ("unused", "stream", "dgram", "raw", "seqpacket"))
SOCK_PROTO = Scalar("sock_proto", "H")
SOCK_STATUS = Scalar("sock_status", "B", ("opening", "opened", "closed", "failed"))
SOCK_OPTION = Scalar(
    "sock_option",
    "B",
    tuple(
        "noop reuse_port reuse_addr no_delay dont_route only_v6 broadcast multicast_loop_v4 "
        "multicast_loop_v6 promiscuous listening last_error keep_alive linger oob_inline recv_buf "
        "send_buf recv_lowat send_lowat recv_timeout send_timeout connect_timeout accept_timeout "
        "ttl multicast_ttl_v4 type proto".split()
    ),
)
STREAM_SECURITY = Scalar("stream_security", "B")

FILETYPE = Scalar("filetype", "B", (*t.FILETYPE.members, "socket_raw", "socket_seqpacket"))

OPTION_TIMESTAMP = Union("option_timestamp", OPTION, None, t.TIMESTAMP)
"""A duration, or none."""
OPTION_PID = Union("option_pid", OPTION, None, PID)
OPTION_FD = Union("option_fd", OPTION, None, t.FD)


class Tty(NamedTuple):
    """A terminal: its size in cells and pixels, what it is connected to, and its modes."""

    cols: Annotated[int, t.U32]
    rows: Annotated[int, t.U32]
    width: Annotated[int, t.U32]
    height: Annotated[int, t.U32]
    stdin_tty: Annotated[int, BOOL]
    stdout_tty: Annotated[int, BOOL]
    stderr_tty: Annotated[int, BOOL]
    echo: Annotated[int, BOOL]
    line_buffered: Annotated[int, BOOL]
    line_feeds: Annotated[int, BOOL]


class SignalDisposition(NamedTuple):
    sig: Annotated[int, SIGNAL]
    disp: Annotated[int, DISPOSITION]


class ErrnoSignal(NamedTuple):
    exit_code: Annotated[int, U16]
    signal: Annotated[int, Scalar("signal", "B")]


class ProcessHandles(NamedTuple):
    pid: Annotated[int, PID]
    stdin: Annotated[tuple[int, int | None], OPTION_FD]
    stdout: Annotated[tuple[int, int | None], OPTION_FD]
    stderr: Annotated[tuple[int, int | None], OPTION_FD]


class SpawnFdOp(NamedTuple):
    """What to do to a new process's descriptors before it starts."""

    cmd: Annotated[int, SPAWN_FD_OP]
    fd: Annotated[int, t.FD]
    src_fd: Annotated[int, t.FD]
    path: Annotated[int, POINTER]
    path_len: Annotated[int, POINTER]
    dirflags: Annotated[int, t.LOOKUPFLAGS]
    oflags: Annotated[int, t.OFLAGS]
    rights_base: Annotated[int, t.RIGHTS]
    rights_inheriting: Annotated[int, t.RIGHTS]
    fdflags: Annotated[int, t.FDFLAGS]
    fdflagsext: Annotated[int, FDFLAGSEXT]


class StackSnapshot(NamedTuple):
    user: Annotated[int, U64]
    low: Annotated[int, U64]
    high: Annotated[int, U64]


class ThreadStart(NamedTuple):
    """The head of what a thread starts with; `wasi_thread_start` reads the rest itself."""

    stack: Annotated[int, POINTER]
    tls_base: Annotated[int, POINTER]
    start_funct: Annotated[int, POINTER]
    start_args: Annotated[int, POINTER]


class EpollEvent(NamedTuple):
    """The data are the guest's own; of `fd` there is another copy, in front of `epoll_ctl`."""

    events: Annotated[int, EPOLL_TYPE]
    data: Annotated[bytes, Blob("epoll_data", 24, 8)]


class ReflectionResult(NamedTuple):
    cacheable: Annotated[int, BOOL]
    arguments: Annotated[int, U16]
    results: Annotated[int, U16]


TTY = Record(Tty)
SIGNAL_DISPOSITION = Record(SignalDisposition, "signal_disposition")
ERRNO_SIGNAL = Record(ErrnoSignal, "errno_signal")
JOIN_STATUS = Union("join_status", JOIN_STATUS_TYPE, U16, U16, ERRNO_SIGNAL, U16)
"""Its cases hold an errno, the exit status, the status with the signal, and the signal."""
PROCESS_HANDLES = Record(ProcessHandles, "process_handles")
SPAWN_FD_OP_RECORD = Record(SpawnFdOp, "proc_spawn_fd_op")
STACK_SNAPSHOT = Record(StackSnapshot, "stack_snapshot")
THREAD_START = Record(ThreadStart, "thread_start")
EPOLL_EVENT = Record(EpollEvent, "epoll_event")
REFLECTION_RESULT = Record(ReflectionResult, "reflection_result")

# Addresses of the network: what the kernel does not look into yet is kept as bytes.
ADDR = Blob("addr", 110, 2)
ADDR_PORT = Blob("addr_port", 110, 2)
ADDR_CIDR = Blob("addr_cidr", 28, 2)
ADDR_IP = Blob("addr_ip", 18, 2)
ADDR_IP4 = Blob("addr_ip4", 4, 1)
ADDR_IP6 = Blob("addr_ip6", 24, 2)
HARDWARE_ADDRESS = Blob("hardware_address", 6, 1)
ROUTE = Blob("route", 176, 8)
