"""Signals: their numbers and what they do by default.

preview1 numbers them in an order of its own; exit statuses follow Linux's numbers (128 + n), as
shells report them.
"""

from __future__ import annotations

from enum import IntEnum


class Signal(IntEnum):
    """Linux's signal numbers."""

    HUP = 1
    INT = 2
    QUIT = 3
    ILL = 4
    TRAP = 5
    ABRT = 6
    BUS = 7
    FPE = 8
    KILL = 9
    USR1 = 10
    SEGV = 11
    USR2 = 12
    PIPE = 13
    ALRM = 14
    TERM = 15
    STKFLT = 16
    CHLD = 17
    CONT = 18
    STOP = 19
    TSTP = 20
    TTIN = 21
    TTOU = 22
    URG = 23
    XCPU = 24
    XFSZ = 25
    VTALRM = 26
    PROF = 27
    WINCH = 28
    POLL = 29
    PWR = 30
    SYS = 31


IGNORED = frozenset({Signal.CHLD, Signal.CONT, Signal.URG, Signal.WINCH})
STOPPING = frozenset({Signal.STOP, Signal.TSTP, Signal.TTIN, Signal.TTOU})


UNCATCHABLE = frozenset({Signal.KILL, Signal.STOP})
