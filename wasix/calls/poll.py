"""Waiting for clocks and descriptors at once."""

from __future__ import annotations

from collections.abc import Sequence

from wasix.abi import E, Errno
from wasix.abi.types import (
    EVENTRWFLAGS,
    EVENTTYPE,
    SUBCLOCKFLAGS,
    Bits,
    Event,
    EventFdReadwrite,
    Rights,
    Subscription,
    SubscriptionClock,
    SubscriptionClock0,
    SubscriptionFd,
)
from wasix.fs.file import READ
from wasix.proc.process import Process, Thread
from wasix.proc.wait import Block, WaitQueue

__all__ = ["poll_oneoff"]

_CLOCK = EVENTTYPE.members.index("clock")
_HANGUP = Bits(EVENTRWFLAGS).HANGUP
_ABSTIME = Bits(SUBCLOCKFLAGS).ABSTIME
_REALTIME, _MONOTONIC = 0, 1
_NOTHING = EventFdReadwrite(0, 0)


def poll_oneoff(thread: Thread, subscriptions: Sequence[Subscription]) -> list[Event]:
    """Every event that has occurred; waits for the first.

    Relative timeouts count from the first try. A subscription that cannot be served (a closed
    descriptor, a CPU clock) is itself an event, with its errno.
    """
    if not subscriptions:
        raise Errno(E.INVAL)
    process = thread.process
    now = process.kernel.host.monotonic()
    start: int = thread.call.setdefault("start", now)
    events: list[Event] = []
    queues: list[WaitQueue] = []
    deadlines: list[int] = []
    for userdata, (tag, about) in subscriptions:
        try:
            if isinstance(about, SubscriptionFd):
                found = _descriptor(process, tag, about.fd, queues)
            else:
                found = _clock(process, about, start, now, deadlines)
            if found is not None:
                events.append(Event(userdata, E.SUCCESS, tag, found))
        except Errno as error:
            events.append(Event(userdata, error.code, tag, _NOTHING))
    if not events:
        raise Block(queues, min(deadlines, default=None))
    thread.call.clear()
    return events


def _descriptor(
    process: Process, event: int, fd: int, queues: list[WaitQueue]
) -> EventFdReadwrite | None:
    file = process.descriptors.file(fd, Rights.POLL_FD_READWRITE)
    ready = file.ready(event)
    if ready is None:
        queues.append(file.queue(event))
        return None
    return EventFdReadwrite(ready.nbytes if event == READ else 0, _HANGUP * ready.hangup)


def _clock(
    process: Process,
    clock: SubscriptionClock | SubscriptionClock0,
    start: int,
    now: int,
    deadlines: list[int],
) -> EventFdReadwrite | None:
    """The event of a clock that has come, or its deadline on the monotonic clock."""
    # The older layout has a field more at its front.
    which, timeout, _, flags = clock[-4:]
    if which not in (_REALTIME, _MONOTONIC):
        raise Errno(E.NOTSUP)
    if not flags & _ABSTIME:
        deadline = start + timeout
    else:
        deadline = now + timeout - process.kernel.clocks[which]()
    if deadline <= now:
        return _NOTHING
    deadlines.append(deadline)
    return None
