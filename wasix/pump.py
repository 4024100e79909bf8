"""The host below a kernel on CPython, and its pump.

The pump is a thread that waits for host descriptors and wakes queues; it starts when a guest first
has to wait for one, and never holds the kernel lock while it waits itself.
"""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress

from wasix.abi import E, Errno
from wasix.host import Clock
from wasix.proc.wait import WaitQueue

# epoll would go on reporting a descriptor that was closed while the file behind it stays open
# elsewhere, and could not be told to stop.
_Selector: type[selectors.BaseSelector] = (
    selectors.PollSelector if hasattr(selectors, "EpollSelector") else selectors.DefaultSelector
)


class SystemHost(Clock):
    """CPython's clocks and descriptors. `lock` is the kernel lock to hold while waking."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._queues: dict[tuple[int, int], WaitQueue] = {}
        self._wanted: set[tuple[int, int]] = set()
        self._bell: socket.socket | None = None
        self._closed = False

    def readable(self, fd: int) -> WaitQueue:
        return self._watch(fd, selectors.EVENT_READ)

    def writable(self, fd: int) -> WaitQueue:
        return self._watch(fd, selectors.EVENT_WRITE)

    def _watch(self, fd: int, event: int) -> WaitQueue:
        """The queue of a descriptor, watched from now until it has woken once."""
        if self._bell is None and not self._closed:
            self._start()
        queue = self._queues.setdefault((fd, event), WaitQueue())
        self._wanted.add((fd, event))
        self._ring()
        return queue

    def _start(self) -> None:
        """Start the pump's thread; what the host lacks for it is the guest's error."""
        try:
            bell, listener = socket.socketpair()
        except OSError as error:
            raise Errno.of(error) from None
        try:
            bell.setblocking(False)
            threading.Thread(
                target=self._pump, args=(listener,), name="wasix-pump", daemon=True
            ).start()
        except (OSError, RuntimeError) as error:
            bell.close()
            listener.close()
            raise Errno.of(error) if isinstance(error, OSError) else Errno(E.NOMEM) from None
        self._bell = bell

    def _ring(self) -> None:
        if self._bell:
            try:
                self._bell.send(b"!")
            except BlockingIOError:
                pass  # it has rung often enough
            except OSError as error:
                raise Errno.of(error) from None

    def close(self) -> None:
        """End the pump's thread. Called under the lock."""
        self._closed = True
        if self._bell:
            with suppress(OSError):
                self._bell.close()
            self._bell = None

    def _pump(self, listener: socket.socket) -> None:
        with listener, _Selector() as selector:
            while True:
                ready: set[tuple[int, int]] = set()
                with self._lock:
                    if self._closed:
                        return
                    self._register(selector, listener, ready)
                failed = False
                if not ready:
                    try:
                        for key, events in selector.select():
                            if key.fileobj is listener:
                                listener.recv(4096)
                            ready |= {(key.fd, bit) for bit in (1, 2) if events & bit}
                    except OSError:
                        # Whoever waits looks for himself, and is told by the host if need be.
                        failed = True
                with self._lock:
                    for source in set(self._wanted) if failed else ready & self._wanted:
                        self._wanted.discard(source)
                        self._queues.pop(source).wake()

    def _register(
        self,
        selector: selectors.BaseSelector,
        listener: socket.socket,
        ready: set[tuple[int, int]],
    ) -> None:
        """Make the selector watch what is wanted; what cannot be watched is ready at once."""
        interest: dict[int, int] = {listener.fileno(): selectors.EVENT_READ}
        for fd, event in self._wanted:
            interest[fd] = interest.get(fd, 0) | event
        for key in list(selector.get_map().values()):
            if interest.get(key.fd) != key.events:
                with suppress(KeyError, ValueError, OSError):
                    selector.unregister(key.fileobj)
        watched = {key.fd for key in selector.get_map().values()}
        for fd, events in interest.items():
            if fd in watched:
                continue
            try:
                selector.register(listener if fd == listener.fileno() else fd, events)
            except (ValueError, OSError):
                ready |= {(fd, bit) for bit in (1, 2) if events & bit}
