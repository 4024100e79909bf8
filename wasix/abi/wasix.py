"""WASIX: the 93 functions that `wasix_32v1` has beside preview1's, and what else it changes.

Source: wasix-libc's `api_wasix.h` of May 2026, with `proc_spawn3` and `proc_exec4` as the reference
host has them. `wasix_64v1` has the same functions with 64-bit addresses and sizes. wasi-threads'
one function stands in a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, NamedTuple

from wasix.abi import preview1
from wasix.abi import types as t
from wasix.abi import wasix_types as x
from wasix.abi.function import (
    Address,
    Count,
    Function,
    Gather,
    In,
    Interface,
    Load,
    Out,
    OutRecords,
    Records,
    Scatter,
    Text,
    TextList,
    Update,
    replace_types,
)
from wasix.abi.layout import Record, Scalar, Type, Union

_FD = In("fd", t.FD)
_PID = Out("ret", x.PID)
_SIGNAL = In("sig", x.SIGNAL)
_TIMEOUT = Load("timeout", x.OPTION_TIMESTAMP)
_SPAWN = (
    Records("fd_ops", x.SPAWN_FD_OP_RECORD, "fd_ops_len"),
    Count("fd_ops_len"),
    Records("signal_dispositions", x.SIGNAL_DISPOSITION, "signal_dispositions_len"),
    Count("signal_dispositions_len"),
    In("search_path", x.BOOL),
    Text("path", optional=True),
    _PID,
)
_OPTION = (_FD, In("sockopt", x.SOCK_OPTION))

_FILES = (
    Function("clock_time_set", (In("id", t.CLOCKID), In("timestamp", t.TIMESTAMP)), "Set a clock."),
    Function("fd_dup", (_FD, Out("ret", t.FD)), "Another descriptor for the same open file."),
    Function(
        "fd_dup2",
        (_FD, In("min_result_fd", t.FD), In("cloexec", x.BOOL), Out("ret", t.FD)),
        "Another descriptor, at least so high.",
    ),
    Function(
        "fd_event",
        (In("initial_val", x.U64), In("flags", x.EVENTFDFLAGS), Out("ret", t.FD)),
        "A counter to wait for (eventfd).",
    ),
    Function("fd_pipe", (Out("ret", t.FD), Out("retptr1", t.FD)), "A pipe: read end, write end."),
    Function("tty_get", (Out("state", x.TTY),), "The terminal's size and modes."),
    Function("tty_set", (Load("state", x.TTY),), "Set the terminal's size and modes."),
    Function(
        "getcwd",
        (Address("path"), Update("path_len", x.POINTER)),
        "The working directory.",
    ),
    Function("chdir", (Text("path"),), "Change the working directory."),
    Function(
        "path_open2",
        (
            _FD,
            In("dirflags", t.LOOKUPFLAGS),
            Text("path"),
            In("oflags", t.OFLAGS),
            In("fs_rights_base", t.RIGHTS),
            In("fs_rights_inheriting", t.RIGHTS),
            In("fdflags", t.FDFLAGS),
            In("fdflagsext", x.FDFLAGSEXT),
            Out("ret", t.FD),
        ),
        "Open or create a file, closed on exec if so asked.",
    ),
    Function("fd_fdflags_get", (_FD, Out("ret", x.FDFLAGSEXT)), "Whether it closes on exec."),
    Function("fd_fdflags_set", (_FD, In("flags", x.FDFLAGSEXT)), "Set whether it closes on exec."),
    Function("epoll_create", (Out("ret", t.FD),), "A set of descriptors to wait for."),
    Function(
        "epoll_ctl",
        (
            In("epfd", t.FD),
            In("op", x.EPOLL_CTL),
            In("fd", t.FD),
            Load("event", x.EPOLL_EVENT, optional=True),
        ),
        "Add, change or remove a descriptor of a set.",
    ),
    Function(
        "epoll_wait",
        (
            In("epfd", t.FD),
            OutRecords("event", x.EPOLL_EVENT, "maxevents"),
            In("maxevents", t.SIZE),
            In("timeout", t.TIMESTAMP),
            Out("ret", t.SIZE),
        ),
        "Wait for descriptors of a set.",
        blocks=True,
    ),
)

_SIGNALS = (
    Function(
        "callback_signal",
        (Text("callback"),),
        "Name the exported function that signals are delivered to.",
        void=True,
    ),
    Function(
        "thread_signal",
        (In("tid", x.TID), _SIGNAL),
        "Signal a thread of the own process.",
        blocks=True,
    ),
    Function(
        "proc_raise_interval",
        (_SIGNAL, In("interval", t.TIMESTAMP), In("repeat", x.BOOL)),
        "Signal the own process after a time, or again and again.",
    ),
    Function("proc_signal", (In("pid", x.PID), _SIGNAL), "Signal a process.", blocks=True),
    Function("proc_signals_get", (Address("buf"),), "The signal dispositions it was started with."),
    Function("proc_signals_sizes_get", (Out("ret", t.SIZE),), "How many those are."),
)

_THREADS = (
    Function(
        "thread_spawn_v2",
        (Address("args"), Out("ret", x.TID)),
        "Start a thread.",
        blocks=True,
    ),
    Function("thread_sleep", (In("duration", t.TIMESTAMP),), "Wait.", blocks=True),
    Function("thread_id", (Out("ret", x.TID),), "The calling thread."),
    Function("thread_join", (In("tid", x.TID),), "Wait for a thread to end.", blocks=True),
    Function("thread_parallelism", (Out("ret", t.SIZE),), "Threads that can run at once."),
    Function(
        "futex_wait",
        (Address("futex"), In("expected", t.U32), _TIMEOUT, Out("ret", x.BOOL)),
        "Wait at a word of memory while it has a value.",
        blocks=True,
    ),
    Function(
        "futex_wake", (Address("futex"), Out("ret", x.BOOL)), "Wake one thread that waits there."
    ),
    Function("futex_wake_all", (Address("futex"), Out("ret", x.BOOL)), "Wake all that wait there."),
    Function("thread_exit", (In("rval", t.EXITCODE),), "End the calling thread.", void=True),
)

_PROCESSES = (
    Function(
        "stack_checkpoint",
        (Address("snapshot"), Address("ret")),
        "Remember where the thread is (setjmp).",
        blocks=True,
    ),
    Function(
        "stack_restore",
        (Load("snapshot", x.STACK_SNAPSHOT), In("val", x.LONGSIZE)),
        "Go on where it was (longjmp).",
        void=True,
        blocks=True,
    ),
    Function(
        "proc_fork",
        (In("copy_memory", x.BOOL), Address("ret")),
        "Split the process in two.",
        blocks=True,
    ),
    Function(
        "proc_fork_env",
        (_PID,),
        "Become a child that shares the memory, until it ends or executes a program.",
    ),
    Function("proc_exit2", (In("rval", t.EXITCODE),), "End the process.", void=True, blocks=True),
    Function(
        "proc_exec",
        (Text("name"), Text("args")),
        "Become another program; arguments are divided by newlines.",
        void=True,
        blocks=True,
        handler="proc_exec",
    ),
    Function(
        "proc_exec2",
        (Text("name"), Text("args"), Text("envs", optional=True)),
        "The same, with an environment.",
        void=True,
        blocks=True,
    ),
    Function(
        "proc_exec3",
        (
            Text("name"),
            Text("args"),
            Text("envs", optional=True),
            In("search_path", x.BOOL),
            Text("path", optional=True),
        ),
        "The same, found on a search path.",
        blocks=True,
    ),
    Function(
        "proc_exec4",
        (
            Text("name"),
            TextList("args"),
            TextList("envs"),
            In("search_path", x.BOOL),
            Text("path", optional=True),
        ),
        "The same, with arrays of strings.",
        blocks=True,
    ),
    Function(
        "proc_spawn",
        (
            Text("name"),
            In("chroot", x.BOOL),
            Text("args"),
            Text("preopen"),
            In("stdin", x.STDIO_MODE),
            In("stdout", x.STDIO_MODE),
            In("stderr", x.STDIO_MODE),
            Text("working_dir"),
            Out("ret", x.PROCESS_HANDLES),
        ),
        "Start a program in a new process.",
        blocks=True,
    ),
    Function(
        "proc_spawn2",
        (Text("name"), Text("args"), Text("envs", optional=True), *_SPAWN),
        "The same, as posix_spawn does it.",
        blocks=True,
    ),
    Function(
        "proc_spawn3",
        (Text("name"), TextList("args"), TextList("envs"), *_SPAWN),
        "The same, with arrays of strings.",
        blocks=True,
    ),
    Function("proc_id", (_PID,), "The own process."),
    Function("proc_parent", (In("pid", x.PID), _PID), "A process's parent."),
    Function(
        "proc_join",
        (
            Update("pid", x.OPTION_PID),
            In("flags", x.JOIN_FLAGS),
            Out("ret", x.JOIN_STATUS),
        ),
        "Wait for a child to end.",
        blocks=True,
    ),
    Function("proc_snapshot", (), "Keep the process's state on storage."),
    Function(
        "context_create",
        (Address("new_context"), In("entrypoint", x.FUNCTION_POINTER)),
        "A context: a stack of its own that runs a function.",
        blocks=True,
    ),
    Function(
        "context_switch", (In("next_context", x.CONTEXT_ID),), "Go on in a context.", blocks=True
    ),
    Function("context_destroy", (In("context", x.CONTEXT_ID),), "Remove a context."),
)

_LINKING = (
    Function("dl_invalid_handle", (In("handle", x.DL_HANDLE),), "Whether a handle is open."),
    Function(
        "dlopen",
        (
            Text("path", optional=True),
            In("flags", x.DL_FLAGS),
            Address("err_buf"),
            In("err_buf_len", t.SIZE),
            Text("ld_library_path", optional=True),
            Out("ret", x.DL_HANDLE),
        ),
        "Link a library.",
        blocks=True,
    ),
    Function(
        "dlsym",
        (
            In("handle", x.DL_HANDLE),
            Text("symbol"),
            Address("err_buf"),
            In("err_buf_len", t.SIZE),
            Out("ret", t.SIZE),
        ),
        "Where a symbol of a library is.",
        blocks=True,
    ),
    Function(
        "call_dynamic",
        (
            In("function_id", x.FUNCTION_POINTER),
            Address("values"),
            In("values_len", t.SIZE),
            Address("results"),
            In("results_len", x.POINTER),
            In("strict", x.BOOL),
        ),
        "Call a function whose type is known only now.",
        blocks=True,
    ),
    Function(
        "closure_prepare",
        (
            In("backing_function_id", x.FUNCTION_POINTER),
            In("closure_id", x.FUNCTION_POINTER),
            Address("argument_types"),
            In("argument_types_len", t.SIZE),
            Address("result_types"),
            In("result_types_len", t.SIZE),
            Address("user_data_ptr"),
        ),
        "Give a closure its type and what it calls.",
        blocks=True,
    ),
    Function(
        "closure_allocate",
        (Out("ret", x.FUNCTION_POINTER),),
        "A function that can be given a meaning.",
        blocks=True,
    ),
    Function("closure_free", (In("closure_id", x.FUNCTION_POINTER),), "Give it up.", blocks=True),
    Function(
        "reflect_signature",
        (
            In("function_id", x.FUNCTION_POINTER),
            Address("argument_types"),
            In("argument_types_len", x.U16),
            Address("result_types"),
            In("result_types_len", x.U16),
            Address("ret"),
        ),
        "The type of a function of the table.",
        blocks=True,
    ),
)


def _socket(name: str, *params: In | Out | Load | Text | Gather | Scatter) -> Function:
    return Function(name, params, "Networking; none yet.", handler="notsup")


_ADDRESS = Load("addr", x.ADDR_PORT)
_NETWORK = (
    _socket("port_bridge", Text("network"), Text("token"), In("security", x.STREAM_SECURITY)),
    _socket("port_unbridge"),
    _socket("port_dhcp_acquire"),
    _socket("port_addr_add", Load("addr", x.ADDR_CIDR)),
    _socket("port_addr_remove", Load("addr", x.ADDR)),
    _socket("port_addr_clear"),
    _socket("port_mac", Out("ret", x.HARDWARE_ADDRESS)),
    Function(
        "port_addr_list",
        (Address("addrs"), Update("naddrs", t.SIZE)),
        "Networking; none yet.",
        handler="notsup",
    ),
    _socket("port_gateway_set", Load("addr", x.ADDR)),
    _socket(
        "port_route_add",
        Load("cidr", x.ADDR_CIDR),
        Load("via_router", x.ADDR),
        Load("preferred_until", x.OPTION_TIMESTAMP),
        Load("expires_at", x.OPTION_TIMESTAMP),
    ),
    _socket("port_route_remove", Load("cidr", x.ADDR)),
    _socket("port_route_clear"),
    Function(
        "port_route_list",
        (Address("routes"), Update("nroutes", t.SIZE)),
        "Networking; none yet.",
        handler="notsup",
    ),
    _socket("sock_status", _FD, Out("ret", x.SOCK_STATUS)),
    _socket("sock_addr_local", _FD, Out("ret", x.ADDR_PORT)),
    _socket("sock_addr_peer", _FD, Out("ret", x.ADDR_PORT)),
    _socket(
        "sock_open",
        In("af", x.ADDRESS_FAMILY),
        In("socktype", x.SOCK_TYPE),
        In("sock_proto", x.SOCK_PROTO),
        Out("ret", t.FD),
    ),
    _socket(
        "sock_pair",
        In("af", x.ADDRESS_FAMILY),
        In("socktype", x.SOCK_TYPE),
        In("sock_proto", x.SOCK_PROTO),
        Out("ret", t.FD),
        Out("retptr1", t.FD),
    ),
    _socket("sock_set_opt_flag", *_OPTION, In("flag", x.BOOL)),
    _socket("sock_get_opt_flag", *_OPTION, Out("ret", x.BOOL)),
    _socket("sock_set_opt_time", *_OPTION, _TIMEOUT),
    _socket("sock_get_opt_time", *_OPTION, Out("ret", x.OPTION_TIMESTAMP)),
    _socket("sock_set_opt_size", *_OPTION, In("size", t.FILESIZE)),
    _socket("sock_get_opt_size", *_OPTION, Out("ret", t.FILESIZE)),
    *(
        _socket(
            f"sock_{what}_multicast_v4",
            _FD,
            Load("multiaddr", x.ADDR_IP4),
            Load("interface", x.ADDR_IP4),
        )
        for what in ("join", "leave")
    ),
    *(
        _socket(
            f"sock_{what}_multicast_v6", _FD, Load("multiaddr", x.ADDR_IP6), In("interface", t.U32)
        )
        for what in ("join", "leave")
    ),
    _socket("sock_bind", _FD, _ADDRESS),
    _socket("sock_listen", _FD, In("backlog", t.SIZE)),
    _socket(
        "sock_accept_v2", _FD, In("flags", t.FDFLAGS), Out("ret", t.FD), Out("retptr1", x.ADDR_PORT)
    ),
    _socket("sock_connect", _FD, _ADDRESS),
    _socket(
        "sock_recv_from",
        _FD,
        Scatter("ri_data"),
        In("ri_flags", x.RIFLAGS),
        Out("ret", t.SIZE),
        Out("retptr1", t.ROFLAGS),
        Out("retptr2", x.ADDR_PORT),
    ),
    _socket(
        "sock_send_to",
        _FD,
        Gather("si_data"),
        In("si_flags", x.SIFLAGS),
        _ADDRESS,
        Out("ret", t.SIZE),
    ),
    _socket(
        "sock_send_file",
        In("out_fd", t.FD),
        In("in_fd", t.FD),
        In("offset", t.FILESIZE),
        In("count", t.FILESIZE),
        Out("ret", t.FILESIZE),
    ),
    Function(
        "resolve",
        (
            Text("host"),
            In("port", x.U16),
            OutRecords("addrs", x.ADDR_IP, "naddrs"),
            In("naddrs", t.SIZE),
            Out("ret", t.SIZE),
        ),
        "Networking; none yet.",
        handler="notsup",
    ),
)

FUNCTIONS: tuple[Function, ...] = (
    *_FILES,
    *_SIGNALS,
    *_THREADS,
    *_PROCESSES,
    *_LINKING,
    *_NETWORK,
)
"""What WASIX adds."""

_SHARED = tuple(
    replace_types(
        preview1.FUNCTIONS,
        {t.SIGNAL: x.SIGNAL, t.RIFLAGS: x.RIFLAGS, t.SIFLAGS: x.SIFLAGS},
    )
)
"""preview1's own names, as they stand under WASIX's."""

WASIX = Interface("wasix_32v1", "WASIX", (*FUNCTIONS, *_SHARED))

THREADS = Interface(
    "wasi",
    "wasi-threads",
    (
        Function(
            "thread-spawn",
            (Address("start_arg"),),
            "Start a thread: its number, or a negative errno.",
            handler="thread_spawn",
            blocks=True,
            plain=True,
        ),
    ),
)


# Where addresses and sizes are 64 bits.


SIZE64 = Scalar("size", "Q")
POINTER64 = Scalar("pointersize", "Q")


class _PrestatDir64(NamedTuple):
    name_len: Annotated[int, SIZE64]


class _SpawnFdOp64(NamedTuple):
    cmd: Annotated[int, x.SPAWN_FD_OP]
    fd: Annotated[int, t.FD]
    src_fd: Annotated[int, t.FD]
    path: Annotated[int, POINTER64]
    path_len: Annotated[int, POINTER64]
    dirflags: Annotated[int, t.LOOKUPFLAGS]
    oflags: Annotated[int, t.OFLAGS]
    rights_base: Annotated[int, t.RIGHTS]
    rights_inheriting: Annotated[int, t.RIGHTS]
    fdflags: Annotated[int, t.FDFLAGS]
    fdflagsext: Annotated[int, x.FDFLAGSEXT]


_WIDER: dict[Type, Type] = {
    t.SIZE: SIZE64,
    x.POINTER: POINTER64,
    t.PRESTAT: Union("prestat", t.PREOPENTYPE, Record(_PrestatDir64), None),
    x.SPAWN_FD_OP_RECORD: Record(_SpawnFdOp64, "proc_spawn_fd_op"),
}


def _wide(functions: Iterable[Function]) -> tuple[Function, ...]:
    return tuple(replace(function, wide=True) for function in replace_types(functions, _WIDER))


WASIX64 = Interface("wasix_64v1", "WASIX, 64-bit", _wide((*FUNCTIONS, *_SHARED)))
