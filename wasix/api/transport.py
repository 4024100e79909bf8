"""A guest's pipes as asyncio transports.

They wait on the pipes' own queues: a guest that reads or writes has the loop call back, and nothing
polls or needs a thread. All methods but `wake` are for the loop's thread.
"""

from __future__ import annotations

import asyncio

from wasix.api.loop import call_soon
from wasix.fs.pipe import PipeReader, PipeWriter
from wasix.kernel import Kernel

_CHUNK = 1 << 16
"""Bytes taken from a pipe at once: all it holds."""
_HIGH = 1 << 16
"""Bytes that may wait for a guest before a writer is asked to pause."""


class PipeReadTransport(asyncio.ReadTransport):
    """Hands the protocol what a guest writes to its descriptor `fd`.

    While reading is paused nothing is taken, so that the guest waits when the pipe is full.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        kernel: Kernel,
        end: PipeReader,
        protocol: asyncio.SubprocessProtocol,
        fd: int,
    ) -> None:
        super().__init__()
        self._loop, self._lock = loop, kernel.lock
        self._end, self._protocol, self._fd = end, protocol, fd
        self._paused = False
        self._closed = False
        self._called = False

    def wake(self) -> None:
        """Have the loop read, soon. Called under the kernel lock, from any thread."""
        if not self._called:
            self._called = True
            call_soon(self._loop, self._read)

    def _read(self) -> None:
        pipe = self._end.pipe
        with self._lock:
            self._called = False
            pipe.readable.leave(self)
            if self._paused or self._closed:
                return
            data = b"".join(pipe.take(_CHUNK))
            ended = not data and pipe.write_closed
            if data:
                # Others of the loop's get their turn in between.
                self.wake()
            elif not ended:
                pipe.readable.join(self)
        if data:
            self._protocol.pipe_data_received(self._fd, data)
        elif ended:
            self.close()

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self.start()

    def start(self) -> None:
        with self._lock:
            self.wake()

    def is_reading(self) -> bool:
        return not self._paused and not self._closed

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Close the host's end: what the guest writes from now on fails."""
        if self._closed:
            return
        self._closed = True
        with self._lock:
            self._end.pipe.readable.leave(self)
            self._end.close()
        self._loop.call_soon(self._protocol.pipe_connection_lost, self._fd, None)


class PipeWriteTransport(asyncio.WriteTransport):
    """Takes what a guest is to read from its standard input."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        kernel: Kernel,
        end: PipeWriter,
        protocol: asyncio.SubprocessProtocol,
    ) -> None:
        super().__init__()
        self._loop, self._lock = loop, kernel.lock
        self._end, self._protocol = end, protocol
        self._buffer = bytearray()
        self._low, self._high = _HIGH // 4, _HIGH
        self._asked_to_pause = False
        self._closing = False
        self._lost = False
        self._called = False

    def wake(self) -> None:
        """Have the loop go on writing, soon. Called under the kernel lock, from any thread."""
        if not self._called:
            self._called = True
            call_soon(self._loop, self._send)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data must be bytes-like, not {type(data).__name__}")
        if not self._closing:
            self._buffer += data
            self._send()

    def _send(self) -> None:
        pipe = self._end.pipe
        broken = False
        with self._lock:
            self._called = False
            pipe.writable.leave(self)
            if self._lost:
                return
            room = 0 if pipe.read_closed else max(0, pipe.room())
            if self._buffer and room:
                pipe.put(bytes(self._buffer[:room]))
                del self._buffer[:room]
            if self._buffer:
                broken = pipe.read_closed
                if not broken:
                    pipe.writable.join(self)
        if broken:
            self._lose(BrokenPipeError("the guest has closed its end"))
        elif self._closing and not self._buffer:
            self._lose(None)
        self._control()

    def _control(self) -> None:
        """Ask the writer to pause or to go on."""
        size = len(self._buffer)
        if size > self._high and not self._asked_to_pause:
            self._asked_to_pause = True
            self._protocol.pause_writing()
        elif size <= self._low and self._asked_to_pause:
            self._asked_to_pause = False
            self._protocol.resume_writing()

    def _lose(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        self._buffer.clear()
        with self._lock:
            self._end.pipe.writable.leave(self)
            self._end.close()
        self._loop.call_soon(self._protocol.pipe_connection_lost, 0, error)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.close()

    def close(self) -> None:
        """Close it when everything is written."""
        if not self._closing:
            self._closing = True
            self._send()

    def abort(self) -> None:
        self._lose(None)

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return len(self._buffer)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is None:
            high = _HIGH if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high}) must be at least low ({low}), and low at least 0")
        self._low, self._high = low, high
        self._control()
