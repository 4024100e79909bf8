"""Plain modules in child processes: every store is one, and what it shows of memory is shared."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from engines.backtrace import Site
from engines.child.channel import ChildChannel
from engines.child.process import Program
from engines.child.window import seen, shared_file
from engines.js.plain import Compiled, JavaScriptStore, accept
from engines.plain import Ended, Refused, Trapped
from engines.wasm import Module


class Accepted(NamedTuple):
    """A module that the engine accepts; every store compiles it again."""

    data: bytes


Precise = Callable[[str, Sequence[Site], Sequence[bytes]], str]
"""What a trap's text means, by where it was and the modules that may have been in."""


class _Shown:
    """A memory that the host sees: the file that lies over it, as far as it was laid."""

    def __init__(self) -> None:
        self.file = shared_file()
        self.view = memoryview(b"")

    def __del__(self) -> None:
        os.close(self.file)


class PlainStore(JavaScriptStore[ChildChannel]):
    """See `engines.plain.Store`."""

    def __init__(
        self, program: Program, precise: Precise | None, stopping: Callable[[], bool]
    ) -> None:
        super().__init__(lambda hosts: ChildChannel(program, hosts, stopping))
        self._shown: dict[int, _Shown] = {}
        self._modules: list[bytes] = []
        if precise is not None:
            modules = self._modules
            self._channel.precise = lambda text, frames: precise(text, frames, modules)

    def instantiate(
        self, compiled: Compiled, module: Module, imports: Sequence[int]
    ) -> Callable[[str], int]:
        if compiled.data not in self._modules:
            self._modules.append(compiled.data)
        return super().instantiate(compiled, module, imports)

    def free(self) -> None:
        self._channel.close()
        # Views stay: they are the host's own.
        self._shown.clear()
        super().free()

    def bytes(self, memory: int) -> memoryview:
        channel, shown = self._channel, self._shown.get(memory)
        size = channel.number("bytes", memory)
        if not size:
            return memoryview(bytearray())
        if shown is None or len(shown.view) != size:
            shown = self._show(memory, shown)
        return shown.view[:]

    def _show(self, memory: int, shown: _Shown | None) -> _Shown:
        channel = self._channel
        try:
            if shown is None:
                shown = _Shown()
                size = channel.share(shown.file, "cover", memory)
            else:
                size = channel.number("cover", memory)
            shown.view = seen(shown.file, size)
        except Trapped as error:
            # A memory that moved away from its file would be shown as it was.
            why = str(error).removeprefix("Error: ")
            channel.end(why)
            raise Ended(why) from None
        except (OSError, ValueError) as error:
            raise Refused(f"its memory cannot be shown: {error}") from None
        self._shown[memory] = shown
        return shown


class ChildPlain:
    """See `engines.plain.Plain`."""

    def __init__(self, name: str, program: Program, precise: Precise | None = None) -> None:
        self.name = name
        self.store = partial(PlainStore, program, precise)
        self._program = program

    def compile(self, module: Module) -> Accepted:
        data = module.join()
        channel = ChildChannel(self._program, [], lambda: False)
        try:
            accept(channel, data)
        finally:
            channel.close()
        return Accepted(data)
