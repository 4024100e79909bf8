"""Where this project's answer is not Wasmer's, and why; and the answers that no host gives for us.

Wasmer's answer is taken wherever the ABI's text permits it: `api_wasix.h` of wasix-libc, what libc
makes of an answer, and POSIX, to which these functions are like. `test_wasix` fails when an entry
is no longer a difference.
"""

from __future__ import annotations

MEMORY = (
    "errno::fault is the bad address, as in preview1; Wasmer says memviolation, or ends the program"
)
PIPE_ENDS = "POSIX: EBADF for the end that cannot do it, and ESPIPE, a pipe has no offset"
LEAK = "a call that fails has opened nothing; Wasmer leaves the first end open"
SEMAPHORE = "eventfd(2), EFD_SEMAPHORE: a read takes 1"
COUNTER_SIZE = "eventfd(2): EINVAL for fewer than 8 bytes"
REAPED = "waitpid in POSIX: ECHILD for what is no child, or has been waited for"
ANY_CHILD = "proc_join gives the child's number back, and how it ended; libc returns both"
MISSING = "posix_spawn in POSIX: ENOENT; Wasmer reads an empty program"
NO_PROCESS = "kill in POSIX: ESRCH; proc_parent's like"
NO_SIGNAL = "kill in POSIX: EINVAL, and nothing happens for signal 0"
PARENT = "proc_parent: a child's parent is who started it; Wasmer says 0 there"
EXEC_FAILS = "proc_exec3 and proc_exec4 answer an errno, so they go on; Wasmer ends the program"
EXEC_STATUS = (
    "proc_exec has nothing to answer with: the program ends as a shell says that there is none, "
    "with 127; Wasmer has the errno for a status"
)
INTERVAL = "timestamp: nanoseconds, which libc passes; Wasmer takes milliseconds"
STREAMS = "tty::stdin_tty: whether it is a terminal, and these are pipes"
NOBODY = "futex_wake returns whether a thread was woken"
CLOCK = "clock_settime in POSIX: EINVAL for CLOCK_MONOTONIC; no guest sets the host's clock"
SNAPSHOT = "there is no journal to keep a process in"
SPAWN_FILES = "posix_spawn in POSIX opens files of the child as open does; Wasmer says EEXIST"

CLOSURES = "closures ask for a table alone; Wasmer has them in programs linked when they start"

WASIX_DIFFERENCES: dict[str, tuple[str, str]] = {
    "fd_pipe write to the end that reads": ("badf", PIPE_ENDS),
    "fd_pipe read from the end that writes": ("badf", PIPE_ENDS),
    "fd_pipe has no offset": ("spipe", PIPE_ENDS),
    "fd_pipe that failed leaves none": ("success 1", LEAK),
    "fd_event semaphore, one by one": ("success 1", SEMAPHORE),
    "fd_event too short a read": ("inval", COUNTER_SIZE),
    "fd_event too short a write": ("inval", COUNTER_SIZE),
    "proc_join once only": ("child", REAPED),
    "proc_join unknown": ("child", REAPED),
    "proc_join itself": ("child", REAPED),
    "proc_join no child": ("child", REAPED),
    "proc_join any": ("success 1 1 4", ANY_CHILD),
    "proc_spawn2 missing": ("noent", MISSING),
    "proc_spawn3 missing": ("noent", MISSING),
    "proc_signal unknown": ("srch", NO_PROCESS),
    "proc_signal of no such number": ("inval", NO_SIGNAL),
    "proc_parent unknown": ("srch", NO_PROCESS),
    "proc_parent seen by a child": ("success exit 0, 1", PARENT),
    "thread_signal unknown": ("srch", NO_PROCESS),
    "thread_signal of no such number": ("inval", NO_SIGNAL),
    "thread_signal nothing": ("success 0, 0 times", NO_SIGNAL),
    "proc_raise_interval came": ("success 14, 1 times", INTERVAL),
    "proc_raise_interval came again": ("success 1", INTERVAL),
    "proc_raise_interval of no such number": ("inval", NO_SIGNAL),
    "tty_get streams": ("success 0 0 0", STREAMS),
    "futex_wake nobody": ("success 0", NOBODY),
    "futex_wake_all nobody": ("success 0", NOBODY),
    "clock_time_set monotonic": ("inval", CLOCK),
    "proc_snapshot of a program without a journal": ("notsup", SNAPSHOT),
    "closure_allocate one": ("success", CLOSURES),
    "closure_prepare one": ("success", CLOSURES),
    "closure_prepare is called": ("success 105", CLOSURES),
    "closure_prepare unknown type": ("inval", CLOSURES),
    "closure_prepare not a closure": ("inval", CLOSURES),
    "closure_free one": ("success", CLOSURES),
    "closure_free twice": ("success", CLOSURES),
    "closure_free not a closure": ("success", CLOSURES),
}
"""By case: our answer, and the text that decides. A bad address, see `MEMORY`, needs no entry."""

WASIX_ENDS: dict[str, tuple[int, dict[str, str], str]] = {
    "wasix_exec proc_exec missing": (127, {}, EXEC_STATUS),
    "wasix_exec proc_exec2 missing": (127, {}, EXEC_STATUS),
    "wasix_exec proc_exec3": (
        7,
        {
            "proc_exec3 outside of memory": "fault",
            "proc_exec3 became 5: [two words] X=1": "",
        },
        EXEC_FAILS,
    ),
    "wasix_exec proc_exec4": (
        7,
        {
            "proc_exec4 arguments outside of memory": "fault",
            "proc_exec4 became 5: [new": "",
            "line] X=new": "",
            "line": "",
        },
        EXEC_FAILS,
    ),
}
"""By guest: our status, the cases that Wasmer does not come to, and why."""

TWIN_DIFFERENCES: dict[str, tuple[str, str]] = {
    "proc_spawn3 output to a file": ("EEXIST", SPAWN_FILES),
    "proc_spawn3 file has it": ("ok ", SPAWN_FILES),
    "proc_spawn3 from a file into a pipe": ("EEXIST", SPAWN_FILES),
    "proc_spawn3 pipe has it": ("ok ", SPAWN_FILES),
    "proc_spawn3 missing": ("ENOEXEC", MISSING),
    "proc_join child is gone": ("ok", REAPED),
    "proc_parent of a child": ("ok 0 1", PARENT),
}
"""Of programs that are compared with Linux: Wasmer's answer, and why it is not that of Linux."""

WASIX_STATED: dict[str, dict[str, str]] = {
    # Wasmer's set is told of changes some time later; what each answer must be is epoll(7), whose
    # twin on Linux is `unix_pipe`.
    "wasix_epoll": {
        "epoll_create new": "success",
        "epoll_create outside of memory": "fault",
        "epoll_wait nothing in it": "success 0",
        "epoll_ctl add": "success",
        "epoll_wait empty pipe": "success 0",
        "epoll_wait level": "success 1 7:1",
        "epoll_wait level again": "success 1 7:1",
        "epoll_ctl add twice": "exist",
        "epoll_ctl modify": "success",
        "epoll_wait modified": "success 1 8:1",
        "epoll_wait after it was read": "success 0",
        "epoll_ctl edge": "success",
        "epoll_wait edge": "success 1 9:1",
        "epoll_wait edge again": "success 0",
        "epoll_wait edge, written to again": "success 1 9:1",
        "epoll_ctl one shot": "success",
        "epoll_wait one shot": "success 1 10:1",
        "epoll_wait one shot again": "success 0",
        "epoll_ctl arm again": "success",
        "epoll_wait armed again": "success 1 11:1",
        "epoll_ctl add the other end": "success",
        "epoll_wait room in a pipe": "success 1 12:2",
        "epoll_ctl delete": "success",
        "epoll_wait deleted": "success 0",
        "epoll_ctl delete twice": "noent",
        "epoll_ctl modify what is not in it": "noent",
        "epoll_wait hung up": "success 1 13:32",
        "epoll_wait closed descriptor": "success 0",
        "epoll_wait counter of nothing": "success 0",
        "epoll_wait counter": "success 1 14:1",
        "epoll_wait copy of the set": "success 1 14:1",
        "epoll_wait a millisecond": "success 0",
        "epoll_wait room for none": "inval",
        "epoll_wait outside of memory": "fault",
        "epoll_wait not a set": "inval",
        "epoll_wait never opened": "badf",
        "epoll_ctl not a set": "inval",
        "epoll_ctl set never opened": "badf",
        "epoll_ctl never opened": "badf",
        "epoll_ctl itself": "inval",
        "epoll_ctl unknown operation": "inval",
        "epoll_ctl event outside of memory": "fault",
    },
    # Wasmer's children do not end by a signal. How one ends is waitpid's in POSIX, whose twin on
    # Linux is `unix_signal`.
    "wasix_proc kill": {
        "proc_signal child": "success",
        "proc_join killed": "success signal 15",
        "proc_join killed for sure": "success signal 9",
        "proc_join stopped": "success stopped 19",
        "proc_signal to go on": "success",
        "proc_join after it went on": "success exit 4, 1",
    },
}
"""By guest and case: what is expected where Wasmer does not answer, or not twice the same."""
