"""Where a call's time goes: the engine's door, the decoder with lock and carrier, the handler.

A call is measured three times on the same guest: answered at the door, by a handler that does
nothing, and whole. What is shown is what each step adds.
"""

from __future__ import annotations

from bench.calls import caller
from bench.figures import Effort, Result, Row, calibrated, in_turns
from bench.subjects import TITLES, ours
from bench.worker import versions, workers

DEPTHS = ("door", "decoder", "whole")

KINDS = {
    "yield": "no-op (`sched_yield`)",
    "clock": "`clock_time_get`",
    "random": "`random_get`, 32 bytes",
    "output": "`fd_write`, 64 bytes, output discarded",
    "pread": "`fd_pread`, 4 KiB, from a file in memory",
}


def measure(effort: Effort) -> Result:
    result = Result()
    with workers(ours()) as subjects:
        result.versions = versions(subjects)
        for who, process in subjects.items():
            engine = who.removeprefix(TITLES["wasix-v8"].removesuffix("v8"))
            for kind, title in KINDS.items():
                measures = {
                    depth: calibrated(effort, caller(process, kind, "memory", 0, depth))
                    for depth in DEPTHS
                }
                samples, absent = in_turns(effort, measures, calls=True)
                key = f"splits/{engine}/{kind}"
                result.rows.append(Row(key, f"{engine}: {title}", "s", samples, absent))
    return result
