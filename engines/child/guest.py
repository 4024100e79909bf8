"""The host's side of a program: starts a child process and serves its system calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from struct import Struct

from engines.child.process import Child, Died, Program
from engines.child.window import seen
from engines.child.wire import ERRNO, HEAD, REPORT, Task
from engines.js.entries import Entries, entries
from engines.js.generate import direct, given
from engines.js.mailbox import ARGUMENTS, CHUNK, FUEL, MAILBOX_SIZE, VALUES
from engines.js.report import outcome
from engines.protocol import Door, End, Linked, Outcome
from engines.teardown import finish
from wasix.abi import UNWIND
from wasix.abi.instance import Snapshot

_FUEL = Struct("<q")


def serve(child: Child, entries: Entries, *, metered: bool = False) -> Outcome:
    """Serve its system calls until it reports. Raises `Died`."""
    message, receive, send = child.message, child.receive, child.channel.sendall
    arguments, chunk = message[ARGUMENTS:], message[MAILBOX_SIZE:]
    message = message[:MAILBOX_SIZE]
    memory, size = memoryview(b""), 0
    while True:
        receive(message)
        number, length = HEAD.unpack_from(message)
        if number == REPORT:
            return outcome(child.report(length))
        if length != size:
            # The old mapping goes when the last view of it does.
            memory, size = seen(child.file, length), length
            child.size = size
        enter, unpack = entries[number]
        answer = enter(memory, unpack(arguments))
        if answer == UNWIND and number not in VALUES:
            left = _FUEL.unpack_from(message, FUEL)[0] if metered else None
            return Outcome(End.UNWOUND, fuel=left)
        try:
            send(ERRNO.pack(answer))
            if number == CHUNK:
                send(chunk[:answer])
        except OSError:
            raise child.died() from None


class ChildGuest:
    """A guest in a child process, and the thread of ours that sees it through."""

    def __init__(
        self,
        program: Program,
        linked: Linked,
        door: Door,
        ended: Callable[[Outcome], None],
        snapshot: Snapshot | None = None,
    ) -> None:
        self._program = program
        self._linked = linked
        self._ended = ended
        self._lock = threading.Lock()
        self._stopped = False
        self._child: Child | None = None
        self._given = given(linked, snapshot)
        self._entries = entries(linked, door, snapshot)
        self._thread = threading.Thread(target=self._supervise, name="wasix-child", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._child:
                self._child.kill()

    def close(self) -> None:
        self._thread.join()

    def _supervise(self) -> None:
        child: Child | None = None
        try:
            child = self._program.child()
            result = self._run(child)
        except Exception as error:  # whoever waits for the guest must hear of its end
            message = str(error) if isinstance(error, Died) else f"{type(error).__name__}: {error}"
            result = Outcome(End.UNWOUND if self._stopped else End.FAILED, message)
        with self._lock:
            self._child = None
        size, free = (child.size, child.close) if child else (0, None)
        finish(size, lambda: self._ended(result), free)

    def _run(self, child: Child) -> Outcome:
        with self._lock:
            if self._stopped:
                return Outcome(End.UNWOUND)
            self._child = child
        module = self._linked.module
        task: Task = {
            "script": direct(),
            "code": "",
            "wanted": self._given,
            "module": module.size,
            "plain": False,
        }
        child.begin(task, module.buffers())
        return serve(child, self._entries, metered=self._linked.fuel is not None)
