"""Epoll: a set of open files that are waited for together, and that remembers what it has told.

As on Linux, an interest sits in its file's own wait queues, and a wake puts it on the list of those
that may be ready; a wait looks at these alone. What is reported leaves the list until the next wake
if it is edge-triggered; what is level-triggered goes to the list's end, to be looked at again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from wasix.abi import E, Errno
from wasix.fs.file import READ, WRITE, OpenFile, Ready
from wasix.fs.file import Epoll as Bit
from wasix.proc.wait import WaitQueue

_ALWAYS = Bit.ERR | Bit.HUP
_HOW = Bit.ET | Bit.ONESHOT
_READING = Bit.IN | Bit.RDHUP | Bit.PRI

MAX_DEPTH = 5
"""Sets that may contain one another in a row, as on Linux."""
MAX_INTERESTS = 1 << 16


class Budget:
    """How many interests the sets of a kernel may still take."""

    def __init__(self, left: int = MAX_INTERESTS) -> None:
        self.left = left


class _Side:
    """An interest's seat in the queue of one event."""

    __slots__ = ("event", "interest", "queue")

    def __init__(self, interest: Interest, event: int) -> None:
        self.interest = interest
        self.event = event
        self.queue: WaitQueue | None = None

    def sit(self, queue: WaitQueue) -> None:
        if queue is not self.queue:
            self.leave()
            self.queue = queue
            queue.join(self)

    def leave(self) -> None:
        if self.queue is not None:
            self.queue.leave(self)
            self.queue = None

    def wake(self) -> None:
        self.interest.woken(self.event)


class Interest:
    """One file of a set, under one number: what it is waited for, and what the waiter is given."""

    def __init__(self, epoll: EpollFile, key: tuple[int, OpenFile]) -> None:
        self.epoll = epoll
        self.key = key
        self.file = key[1]
        self.events = 0
        self.data = b""
        self._sides = {event: _Side(self, event) for event in (READ, WRITE)}

    def set(self, events: int, data: bytes) -> None:
        self.events = events | _ALWAYS
        self.data = data
        self.arm()
        if self.states():
            self.epoll.enlist(self)

    def states(self) -> int:
        """What it waits for and is so now."""
        wanted = self.events & ~_HOW
        return self.file.states() & wanted if wanted else 0

    def arm(self) -> None:
        """Sit where the file's next wake comes."""
        writing = bool(self.events & Bit.OUT)
        reading = bool(self.events & _READING) or not writing
        for event, wanted in ((READ, reading), (WRITE, writing)):
            if wanted:
                self._sides[event].sit(self.file.queue(event))
            else:
                self._sides[event].leave()

    def used(self) -> None:
        """The file, which does not tell of what is new, was read or written."""
        if self.events & Bit.ET:
            self.arm()

    def woken(self, event: int) -> None:
        wanted = self.events & (Bit.OUT if event == WRITE else _READING)
        if wanted or self.states() & _ALWAYS:
            self.epoll.enlist(self)

    def reported(self) -> bool:
        """It was told of: whether to look at it again next time."""
        if self.events & Bit.ONESHOT:
            self.events &= _HOW
        return not self.events & (Bit.ET | Bit.ONESHOT)

    def leave(self) -> None:
        """The file is in the set no longer."""
        for side in self._sides.values():
            side.leave()
        self.file.interests.pop(self, None)
        self.epoll.forget(self)


class EpollFile(OpenFile):
    """An open set. It can be waited for itself: it is readable while one of its files is ready."""

    readable = writable = False

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget
        self._interests: dict[tuple[int, OpenFile], Interest] = {}
        self._listed: OrderedDict[Interest, None] = OrderedDict()
        """Those that may be ready, in the order in which they became so."""
        self._changed = WaitQueue()

    def close(self) -> None:
        for interest in tuple(self._interests.values()):
            interest.leave()

    def read(self, buffers: Sequence[memoryview]) -> int:
        raise Errno(E.INVAL)

    def write(self, buffers: Sequence[memoryview]) -> int:
        raise Errno(E.INVAL)

    def add(self, fd: int, file: OpenFile, events: int, data: bytes) -> None:
        """Wait for `file`, known by the number `fd`.

        `exist` if that is in the set; `perm` for what is always ready; `loop` if sets would contain
        one another in a circle, or too deep; `nospc` if the kernel's sets have too many.
        """
        key = fd, file
        if file.inode is not None or file.seekable:
            raise Errno(E.PERM)
        if isinstance(file, EpollFile):
            self._check_loop(file)
        if key in self._interests:
            raise Errno(E.EXIST)
        if not self._budget.left:
            raise Errno(E.NOSPC)
        self._budget.left -= 1
        interest = self._interests[key] = Interest(self, key)
        file.interests[interest] = None
        try:
            interest.set(events, data)
        except Errno:
            interest.leave()
            raise

    def change(self, fd: int, file: OpenFile, events: int, data: bytes) -> None:
        """Wait for something else, or again after a one-shot; `noent` if it is not in the set."""
        self._interest(fd, file).set(events, data)

    def remove(self, fd: int, file: OpenFile) -> None:
        self._interest(fd, file).leave()

    def _interest(self, fd: int, file: OpenFile) -> Interest:
        interest = self._interests.get((fd, file))
        if interest is None:
            raise Errno(E.NOENT)
        return interest

    def _check_loop(self, inner: EpollFile) -> None:
        below = _layers([inner], lambda epoll: [key[1] for key in epoll._interests])
        above = _layers([self], lambda epoll: [interest.epoll for interest in epoll.interests])
        if any(self in layer for layer in below) or len(below) + len(above) > MAX_DEPTH:
            raise Errno(E.LOOP)

    def forget(self, interest: Interest) -> None:
        """`interest` has left."""
        if self._interests.pop(interest.key, None) is not None:
            self._budget.left += 1
        self._listed.pop(interest, None)

    def enlist(self, interest: Interest) -> None:
        """`interest` may be ready."""
        if interest not in self._listed:
            self._listed[interest] = None
            self._changed.wake()

    def collect(self, most: int) -> list[tuple[int, bytes]]:
        """What is ready, at most so many: (the bits of what is so, the waiter's data)."""
        found: list[tuple[int, bytes]] = []
        again: list[Interest] = []
        while self._listed and len(found) < most:
            interest, _ = self._listed.popitem(last=False)
            states = interest.states()
            if not states:
                interest.arm()
                continue
            found.append((states, interest.data))
            if interest.reported():
                again.append(interest)
        self._listed.update(dict.fromkeys(again))
        return found

    def ready(self, event: int) -> Ready | None:
        while event == READ and self._listed:
            interest = next(iter(self._listed))
            if interest.states():
                return Ready(1)
            del self._listed[interest]
            interest.arm()
        return None

    def states(self) -> int:
        return Bit.IN if self.ready(READ) else 0

    def queue(self, event: int) -> WaitQueue:
        return self._changed


def _layers(
    first: Iterable[EpollFile], beside: Callable[[EpollFile], Iterable[OpenFile]]
) -> list[set[EpollFile]]:
    """Sets by how far they are from `first`, which is one layer; at most one more than allowed."""
    layers = [set(first)]
    while len(layers) <= MAX_DEPTH:
        next_layer = {
            file for epoll in layers[-1] for file in beside(epoll) if isinstance(file, EpollFile)
        }
        if not next_layer:
            break
        layers.append(next_layer)
    return layers
