"""The child's side: carries out one task on a JavaScript engine, and ends."""

from __future__ import annotations

import ctypes
import json
import os
import sys
from importlib import import_module
from socket import MSG_WAITALL, socket
from typing import NoReturn, cast

from engines.child.context import Context, JavaScriptError
from engines.child.server import serve
from engines.child.window import Window
from engines.child.wire import ERRNO, HEAD, LENGTH, MOST_REPORTED, REPORT, Task
from engines.js.mailbox import CHUNK, MAILBOX_SIZE

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_STACK = 64 << 20
"""Bytes of stack to ask for; engines use what part of it they like."""


def main(engine: str, parent: str, connection: str, memory: str) -> NoReturn:
    """`engine` is a module whose `context()` makes a `Context`; the rest are numbers: the process
    to end with, and descriptors of the socket to it and of the file to lay over linear memory."""
    _end_with(int(parent))
    channel = socket(fileno=int(connection))
    window = Window(int(memory))
    _deepen()
    failure: Exception | None = None
    try:
        # Before there is a task: a child may be made ahead, to wait for one.
        context: Context = import_module(engine).context()
    except Exception as error:  # the host must hear of it, and tells it
        failure = error
    (size,) = LENGTH.unpack(_received(channel, LENGTH.size))
    task = cast(Task, json.loads(_received(channel, size)))
    try:
        if failure:
            raise failure
        if task["plain"]:
            serve(context, task["script"], channel, window)
        elif task["module"]:
            report = _run(context, task, channel, window)
        else:
            _check(context, window, int(memory))
            report = json.dumps({"end": "returned", "value": context.evaluate(task["code"])})
    except JavaScriptError as error:
        report = json.dumps({"end": "invalid", "message": str(error)})
    except Exception as error:  # as above
        report = _failure(error)
    _report(channel, report)


def _end_with(parent: int) -> None:
    """Have this process killed when the host's ends."""
    if sys.platform == "linux":
        # It is the thread that began this process that counts, and that one waits for its end.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(0)
        return
    import threading
    import time

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _deepen() -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    soft = _STACK if hard == resource.RLIM_INFINITY else min(_STACK, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))


def _run(context: Context, task: Task, channel: socket, window: Window) -> str:
    context.evaluate(task["script"])
    all_mail = context.buffer("guest.mailbox")
    mailbox, chunk = all_mail[:MAILBOX_SIZE], all_mail[MAILBOX_SIZE:]

    def memory_grown() -> None:
        try:
            window.cover(context.buffer("guest.memory()"))
        except Exception as error:  # the guest must not go on where the host does not see it
            _report(channel, _failure(error))

    def call_host() -> None:
        try:
            (number,) = ERRNO.unpack_from(mailbox)
            channel.sendall(mailbox)
            if channel.recv_into(mailbox, ERRNO.size, MSG_WAITALL) == ERRNO.size:
                if number == CHUNK:
                    (size,) = ERRNO.unpack_from(mailbox)
                    _fill(channel, chunk[:size])
                return
        except OSError:
            pass
        os._exit(0)

    context.define("memoryGrown", memory_grown)
    context.define("callHost", call_host)
    _fill(channel, context.buffer(f"guest.load({task['module']})"))
    # From here on guest code runs: instantiation runs a start function.
    report = context.evaluate(f"guest.instantiate({task['wanted']})")
    if report:
        return report
    memory_grown()
    return context.evaluate("guest.start('_start')")


def _check(context: Context, window: Window, handle: int) -> None:
    """Test that memory can be shared, also when it grows. Raises `OSError`."""
    context.evaluate("globalThis.memory = new WebAssembly.Memory({ initial: 1 })")
    for page in range(2):
        place = (page << 16) + 5
        context.evaluate(f"new Uint8Array(memory.buffer)[{place}] = 1")
        memory = context.buffer("memory.buffer")
        window.cover(memory)
        memory[place + 1] = 2
        context.evaluate(f"new Uint8Array(memory.buffer)[{place + 2}] = 3")
        if os.pread(handle, 3, place) != b"\1\2\3":
            raise OSError("the engine's linear memory cannot be shared")
        context.evaluate("memory.grow(1)")


def _received(channel: socket, size: int) -> bytes:
    data = bytearray(size)
    _fill(channel, memoryview(data))
    return bytes(data)


def _fill(channel: socket, area: memoryview) -> None:
    while area:
        count = channel.recv_into(area)
        if not count:
            os._exit(0)
        area = area[count:]


def _failure(error: Exception) -> str:
    return json.dumps({"end": "failed", "message": f"{type(error).__name__}: {error}"})


def _report(channel: socket, text: str) -> NoReturn:
    """Tell how it went, and end: the engine's own threads are not waited for."""
    data = text.encode()
    if len(data) > MOST_REPORTED:
        data = json.dumps({"end": "failed", "message": "a report of its end is too long"}).encode()
    head = bytearray(MAILBOX_SIZE)
    HEAD.pack_into(head, 0, REPORT, len(data))
    try:
        channel.sendall(head + data)
    finally:
        os._exit(0)
