"""Plain modules on V8: every store is an isolate, and a call passes between two threads."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable, Sequence
from functools import cache

from engines.js import shim
from engines.plain import SLOT, Call, Frame, Host, Refused, Trapped
from engines.v8.channel import Channel
from engines.v8.library import library
from engines.wasm import FunctionType, GlobalType, MemoryType, Module, TableType

_HEX = 1 << 15


def _give(channel: Channel, module: bytes) -> None:
    """Leave the bytes of a module where JavaScript's `plain` looks for them."""
    channel.do(f"plain.begin({len(module)})")
    for at in range(0, len(module), _HEX):
        channel.do(f'plain.take({at},"{module[at : at + _HEX].hex()}")')


class Compiled:
    """A module that V8 accepts. V8 shares its code with isolates while this one holds it."""

    def __init__(self, data: bytes, holder: Channel) -> None:
        self.data = data
        self._holder = holder


class PlainStore:
    """See `engines.plain.Store`."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._hosts: list[Callable[[], bool]] = []
        hosts = self._hosts
        self._channel = Channel(lambda number: hosts[number](), stopping)
        self._area = self._channel.mail[shim.SLOTS : 65536]
        self._objects: dict[int, object] = {}
        self._numbers: dict[int, int] = {}
        self._bases: dict[int, int] = {}
        self._calls: dict[tuple[int, FunctionType], int] = {}
        self._variables: dict[int, tuple[int, int]] = {}
        self._types: dict[int, FunctionType] = {}
        self._candidates: dict[FunctionType, None] = {}

    def free(self) -> None:
        # Whoever holds bytes of a memory holds the isolate's life.
        del self._channel.life
        self._hosts.clear()

    def _made(self, code: str) -> int:
        try:
            return int(self._channel.do(code))
        except Trapped as error:
            raise Refused(str(error)) from None

    def function(self, of: FunctionType, host: Host) -> int:
        area, size = self._area, SLOT * max(len(of.params), len(of.results))
        if size > len(area):
            raise Refused("it has too many parameters or results")

        def serve() -> bool:
            # Its own slots: what it calls uses those of the mailbox.
            slots = bytearray(area[:size])
            fine = host(memoryview(slots))
            area[:size] = slots
            return fine

        self._hosts.append(serve)
        _give(self._channel, shim.host(of, len(self._hosts) - 1))
        item = self._made("plain.host()")
        self._types[item] = of
        return item

    def memory(self, of: MemoryType) -> int:
        limits = of.limits
        declared: dict[str, object] = {"initial": limits.minimum}
        if limits.maximum is not None:
            declared["maximum"] = limits.maximum
        if limits.shared:
            declared["shared"] = True
        return self._made(f"plain.memory({json.dumps(declared)})")

    def table(self, of: TableType) -> int:
        element = {"funcref": "anyfunc"}.get(of.element, str(of.element))
        declared = {"element": element, "initial": of.limits.minimum}
        if of.limits.maximum is not None:
            declared["maximum"] = of.limits.maximum
        code = f"plain.table({json.dumps(declared)}"
        item = self._made(code + ")")
        if of.element == "externref":  # JavaScript fills it with undefined
            for index in range(of.limits.minimum):
                self.table_set(item, of, index, 0)
        return item

    def variable(self, of: GlobalType, value: memoryview) -> int:
        if of.type in ("externref", "funcref") and not of.mutable and any(value[:8]):
            raise Refused("a global of references that V8 makes for a host is null or mutable")
        self._area[:SLOT] = value[:SLOT]
        data = bytes(value[:SLOT])
        _give(self._channel, shim.variable(of, data))
        self._area[:SLOT] = data
        return self._made("plain.make()")

    def instantiate(
        self, compiled: Compiled, module: Module, imports: Sequence[int]
    ) -> Callable[[str], int]:
        for of in module.types:
            if isinstance(of, FunctionType):
                self._candidates[of] = None
        given = [
            (wanted.module, wanted.name, item)
            for wanted, item in zip(module.imports, imports, strict=True)
        ]
        names = [export.name for export in module.exports]
        _give(self._channel, compiled.data)
        number = self._channel.do("plain.compile()")
        try:
            items = self._channel.do(
                f"plain.instantiate({number},{json.dumps(given)},{json.dumps(names)})"
            )
        finally:
            self._channel.do(f"plain.forget({number})")
        found = dict(zip(names, items, strict=True))
        for name, item in found.items():
            of_export = module.type_of_export(name)
            if isinstance(of_export, FunctionType):
                self._types[item] = of_export
        return found.__getitem__

    def frame(self, count: int) -> Frame:
        area = bytearray(SLOT * max(count, 1))
        return Frame(memoryview(area), 0)

    def call(self, function: int, of: FunctionType) -> Call:
        channel, area = self._channel, self._area
        size = SLOT * max(len(of.params), len(of.results))
        if size > len(area):
            raise Refused("it has too many parameters or results")
        number = self._calls.get((function, of))
        if number is None:
            _give(channel, shim.caller(of))
            number = self._calls[function, of] = self._made(f"plain.caller({function})")
        run, call_number = channel.run, number

        def call(frame: Frame) -> None:
            area[:size] = frame.slots[:size]
            run(call_number)
            frame.slots[:size] = area[:size]

        return call

    def bytes(self, memory: int) -> memoryview:
        size = int(self._channel.do(f"plain.bytes({memory})"))
        if not size:
            return memoryview(bytearray())
        base = self._bases.get(memory)
        if base is None:
            if self._channel.depth:
                raise Refused("V8 shows no new memory while a host function runs")
            view = self._channel.pause(f"plain.buffer({memory})")
            base = self._bases[memory] = ctypes.addressof(ctypes.c_char.from_buffer(view))
        area = (ctypes.c_ubyte * size).from_address(base)
        area.keeps = self._channel.life  # type: ignore[attr-defined]  # ctypes arrays take attributes
        return memoryview(area).cast("B")

    def pages(self, memory: int) -> int:
        return int(self._channel.do(f"plain.bytes({memory})")) >> 16

    def grow_memory(self, memory: int, pages: int) -> int:
        return int(self._channel.do(f"plain.grow({memory},{pages})"))

    def _variable(self, variable: int, of: GlobalType) -> tuple[int, int]:
        calls = self._variables.get(variable)
        if calls is None:
            _give(self._channel, shim.variable(of))
            load, save = self._channel.do(f"plain.variable({variable})")
            calls = self._variables[variable] = load, save
        return calls

    def load(self, variable: int, of: GlobalType, slot: memoryview) -> None:
        self._channel.run(self._variable(variable, of)[0])
        slot[:SLOT] = self._area[:SLOT]

    def save(self, variable: int, of: GlobalType, slot: memoryview) -> None:
        call = self._variable(variable, of)[1]
        self._area[:SLOT] = slot[:SLOT]
        self._channel.run(call)

    def table_size(self, table: int) -> int:
        return int(self._channel.do(f"plain.length({table})"))

    def table_get(self, table: int, of: TableType, index: int) -> int:
        return int(self._channel.do(f'plain.get({table},"{of.element}",{index})'))

    def table_set(self, table: int, of: TableType, index: int, reference: int) -> None:
        self._channel.do(f'plain.set({table},"{of.element}",{index},{reference})')

    def grow_table(self, table: int, of: TableType, count: int, reference: int) -> int:
        return int(self._channel.do(f'plain.extend({table},"{of.element}",{count},{reference})'))

    def reference(self, value: object) -> int:
        # V8 does not tell when the guest has forgotten one, so each is kept as long as the store.
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = int(self._channel.do("plain.extern()"))
            self._objects[number] = value
        return number

    def value(self, reference: int) -> object:
        return self._objects[reference]

    def function_reference(self, function: int) -> int:
        return function

    def referred(self, reference: int) -> tuple[int, FunctionType | None]:
        of = self._types.get(reference)
        if of is None:
            for candidate in self._candidates:
                try:
                    self.call(reference, candidate)
                except (Refused, KeyError):
                    continue
                of = self._types[reference] = candidate
                break
        return reference, of

    def interrupt(self) -> None:
        self._channel.interrupt()


class V8Plain:
    """See `engines.plain.Plain`."""

    name = "v8"

    def __init__(self) -> None:
        library()

    def compile(self, module: Module) -> Compiled:
        data = module.join()
        channel = Channel(lambda number: False, lambda: False)
        try:
            _give(channel, data)
            channel.do("plain.compile()")
        except Trapped as error:
            raise Refused(str(error)) from None
        return Compiled(data, channel)

    def store(self, stopping: Callable[[], bool]) -> PlainStore:
        return PlainStore(stopping)


@cache
def plain() -> V8Plain:
    """Raises `EngineError`."""
    return V8Plain()
