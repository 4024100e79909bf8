"""The cost of system calls, as guests see it: the same guest on every subject."""

from __future__ import annotations

from collections.abc import Callable

from bench.figures import Effort, Result, Row, calibrated, in_turns
from bench.subjects import subjects
from bench.worker import Worker, versions, workers

ROWS = (
    ("yield", "memory", "no-op (`sched_yield`)"),
    ("clock", "memory", "`clock_time_get`"),
    ("random", "memory", "`random_get`, 32 bytes"),
    ("poll", "memory", "`poll_oneoff`, a timeout of zero"),
    ("output", "memory", "`fd_write`, 64 bytes, output discarded"),
    ("output", "host", "`fd_write`, 64 bytes, to the host's null device"),
    ("write", "host", "`fd_write`, 64 bytes, to a file of the host"),
    ("write", "memory", "`fd_write`, 64 bytes, to a file in memory"),
    ("read", "host", "`fd_read`, 4 KiB, from a file of the host"),
    ("read", "memory", "`fd_read`, 4 KiB, from a file in memory"),
    ("pread", "host", "`fd_pread`, 4 KiB, from a file of the host"),
    ("pread", "memory", "`fd_pread`, 4 KiB, from a file in memory"),
    ("stat", "host", "`stat` of a file of the host"),
    ("stat", "memory", "`stat` of a file in memory"),
    ("open", "host", "open, `fstat`, close: a file of the host"),
    ("open", "memory", "open, `fstat`, close: a file in memory"),
    ("create", "host", "create, write 64 bytes, close, unlink: on the host"),
    ("create", "memory", "create, write 64 bytes, close, unlink: in memory"),
    ("readdir", "host", "`fd_readdir`, for each entry, on the host"),
    ("readdir", "memory", "`fd_readdir`, for each entry, in memory"),
)
"""What the guest does, where, and what it is called."""


def caller(process: Worker, kind: str, place: str, *more: object) -> Callable[[int], float]:
    return lambda count: float(process.do("call", kind, count, place, *more))


def measure(effort: Effort) -> Result:
    result = Result()
    with workers(subjects(quick=effort.quick), 20) as found:
        result.versions = versions(found)
        for kind, place, title in ROWS:
            measures = {
                who: calibrated(effort, caller(process, kind, place))
                for who, process in found.items()
                # A function that does nothing has no answer to give but to the no-op.
                if process.name != "define_func" or kind == "yield"
            }
            samples, absent = in_turns(effort, measures, calls=True)
            result.rows.append(Row(f"calls/{kind}/{place}", title, "s", samples, absent))
    return result
