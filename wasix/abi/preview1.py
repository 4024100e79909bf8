"""The 46 functions of `wasi_snapshot_preview1`.

Source: `wasi_snapshot_preview1.witx`. Order is the specification's; the position of a function in
`INTERFACES` (see `wasix.abi`) is its call number within one build and is not part of the ABI.
"""

from __future__ import annotations

from wasix.abi import types as t
from wasix.abi.function import (
    Count,
    Fill,
    Function,
    Gather,
    In,
    Interface,
    Out,
    OutRecords,
    Records,
    Scatter,
    Strings,
    Text,
)

_FD = In("fd", t.FD)
_LOOKUP = In("flags", t.LOOKUPFLAGS)
_OFFSET = In("offset", t.FILESIZE)
_TIMES = (In("atim", t.TIMESTAMP), In("mtim", t.TIMESTAMP), In("fst_flags", t.FSTFLAGS))


FUNCTIONS: tuple[Function, ...] = (
    Function("args_get", (Strings("argv", "argv_buf"),), "Command-line arguments.", constant=True),
    Function(
        "args_sizes_get",
        (Out("argc", t.SIZE), Out("argv_buf_size", t.SIZE)),
        "Number of arguments and bytes they take with their NULs.",
        constant=True,
    ),
    Function(
        "environ_get",
        (Strings("environ", "environ_buf"),),
        "Environment, as NAME=value.",
        constant=True,
    ),
    Function(
        "environ_sizes_get",
        (Out("environc", t.SIZE), Out("environ_buf_size", t.SIZE)),
        "Number of environment variables and bytes they take with their NULs.",
        constant=True,
    ),
    Function(
        "clock_res_get", (In("id", t.CLOCKID), Out("resolution", t.TIMESTAMP)), "A clock's step."
    ),
    Function(
        "clock_time_get",
        (In("id", t.CLOCKID), In("precision", t.TIMESTAMP), Out("time", t.TIMESTAMP)),
        "A clock's time.",
    ),
    Function(
        "fd_advise",
        (_FD, _OFFSET, In("len", t.FILESIZE), In("advice", t.ADVICE)),
        "Announce how a range will be used.",
    ),
    Function(
        "fd_allocate", (_FD, _OFFSET, In("len", t.FILESIZE)), "Make sure a range has storage."
    ),
    Function("fd_close", (_FD,), "Close a descriptor."),
    Function("fd_datasync", (_FD,), "Write data to storage."),
    Function("fd_fdstat_get", (_FD, Out("stat", t.FDSTAT)), "A descriptor's type, flags, rights."),
    Function("fd_fdstat_set_flags", (_FD, In("flags", t.FDFLAGS)), "Set a descriptor's flags."),
    Function(
        "fd_fdstat_set_rights",
        (_FD, In("fs_rights_base", t.RIGHTS), In("fs_rights_inheriting", t.RIGHTS)),
        "Give up rights.",
    ),
    Function("fd_filestat_get", (_FD, Out("stat", t.FILESTAT)), "An open file's attributes."),
    Function("fd_filestat_set_size", (_FD, In("size", t.FILESIZE)), "Shrink or grow a file."),
    Function("fd_filestat_set_times", (_FD, *_TIMES), "Set an open file's times."),
    Function(
        "fd_pread",
        (_FD, Scatter("iovs"), _OFFSET, Out("nread", t.SIZE)),
        "Read at an offset without moving.",
    ),
    Function("fd_prestat_get", (_FD, Out("prestat", t.PRESTAT)), "Describe a preopened directory."),
    Function("fd_prestat_dir_name", (_FD, Fill("path")), "A preopened directory's name."),
    Function(
        "fd_pwrite",
        (_FD, Gather("iovs"), _OFFSET, Out("nwritten", t.SIZE)),
        "Write at an offset without moving.",
    ),
    Function("fd_read", (_FD, Scatter("iovs"), Out("nread", t.SIZE)), "Read.", blocks=True),
    Function(
        "fd_readdir",
        (_FD, Fill("buf"), In("cookie", t.DIRCOOKIE), Out("bufused", t.SIZE)),
        "List a directory from a cookie on.",
    ),
    Function("fd_renumber", (_FD, In("to", t.FD)), "Move a descriptor over another."),
    Function(
        "fd_seek",
        (_FD, In("offset", t.FILEDELTA), In("whence", t.WHENCE), Out("newoffset", t.FILESIZE)),
        "Move the offset.",
    ),
    Function("fd_sync", (_FD,), "Write data and attributes to storage."),
    Function("fd_tell", (_FD, Out("offset", t.FILESIZE)), "The offset."),
    Function("fd_write", (_FD, Gather("iovs"), Out("nwritten", t.SIZE)), "Write.", blocks=True),
    Function("path_create_directory", (_FD, Text("path")), "Make a directory."),
    Function(
        "path_filestat_get",
        (_FD, _LOOKUP, Text("path"), Out("stat", t.FILESTAT)),
        "Attributes of what a path names.",
    ),
    Function(
        "path_filestat_set_times",
        (_FD, _LOOKUP, Text("path"), *_TIMES),
        "Set times of what a path names.",
    ),
    Function(
        "path_link",
        (
            In("old_fd", t.FD),
            In("old_flags", t.LOOKUPFLAGS),
            Text("old_path"),
            In("new_fd", t.FD),
            Text("new_path"),
        ),
        "Make a hard link.",
    ),
    Function(
        "path_open",
        (
            _FD,
            In("dirflags", t.LOOKUPFLAGS),
            Text("path"),
            In("oflags", t.OFLAGS),
            In("fs_rights_base", t.RIGHTS),
            In("fs_rights_inheriting", t.RIGHTS),
            In("fdflags", t.FDFLAGS),
            Out("opened_fd", t.FD),
        ),
        "Open or create a file or directory.",
    ),
    Function(
        "path_readlink",
        (_FD, Text("path"), Fill("buf"), Out("bufused", t.SIZE)),
        "A symbolic link's target.",
    ),
    Function("path_remove_directory", (_FD, Text("path")), "Remove an empty directory."),
    Function(
        "path_rename",
        (_FD, Text("old_path"), In("new_fd", t.FD), Text("new_path")),
        "Rename, replacing what has the new name.",
    ),
    Function("path_symlink", (Text("old_path"), _FD, Text("new_path")), "Make a symbolic link."),
    Function("path_unlink_file", (_FD, Text("path")), "Remove a name that is no directory."),
    Function(
        "poll_oneoff",
        (
            Records("in", t.SUBSCRIPTION, "nsubscriptions"),
            OutRecords("out", t.EVENT, "nsubscriptions"),
            Count("nsubscriptions"),
            Out("nevents", t.SIZE),
        ),
        "Wait for clocks and descriptors.",
        blocks=True,
    ),
    Function("proc_exit", (In("rval", t.EXITCODE),), "End the process.", void=True, blocks=True),
    Function("proc_raise", (In("sig", t.SIGNAL),), "Signal the own process.", blocks=True),
    Function("sched_yield", (), "Let others run.", blocks=True),
    Function("random_get", (Fill("buf"),), "Random bytes from the host's generator."),
    Function(
        "sock_accept",
        (_FD, In("flags", t.FDFLAGS), Out("result_fd", t.FD)),
        "Accept a connection.",
        blocks=True,
    ),
    Function(
        "sock_recv",
        (
            _FD,
            Scatter("ri_data"),
            In("ri_flags", t.RIFLAGS),
            Out("ro_datalen", t.SIZE),
            Out("ro_flags", t.ROFLAGS),
        ),
        "Receive.",
        blocks=True,
    ),
    Function(
        "sock_send",
        (_FD, Gather("si_data"), In("si_flags", t.SIFLAGS), Out("so_datalen", t.SIZE)),
        "Send.",
        blocks=True,
    ),
    Function("sock_shutdown", (_FD, In("how", t.SDFLAGS)), "Shut a connection down."),
)

PREVIEW1 = Interface("wasi_snapshot_preview1", "WASI preview1", FUNCTIONS)
