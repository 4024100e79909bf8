"""Plain modules on JavaScript engines: what `engines.plain.Store` asks for, by plain.js."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from engines.js import shim
from engines.js.channel import TEXT, Channel
from engines.plain import SLOT, Call, Frame, Host, Refused, Trapped
from engines.wasm import FunctionType, GlobalType, MemoryType, Module, TableType

Hosts = Sequence[Callable[[], bool]]
AnyChannel = TypeVar("AnyChannel", bound=Channel)


class Compiled(Protocol):
    """A module that the engine accepts."""

    @property
    def data(self) -> bytes: ...


class JavaScriptStore(ABC, Generic[AnyChannel]):
    """See `engines.plain.Store`. `channel` makes what leads to the engine, given what serves host
    functions."""

    def __init__(self, channel: Callable[[Hosts], AnyChannel]) -> None:
        self._hosts: list[Callable[[], bool]] = []
        self._channel = channel(self._hosts)
        self._area = self._channel.mail[shim.SLOTS : TEXT]
        self._objects: dict[int, object] = {}
        self._numbers: dict[int, int] = {}
        self._calls: dict[tuple[int, FunctionType], int] = {}
        self._variables: dict[int, tuple[int, int]] = {}
        self._types: dict[int, FunctionType] = {}
        self._candidates: dict[FunctionType, None] = {}

    def free(self) -> None:
        self._hosts.clear()

    @abstractmethod
    def bytes(self, memory: int) -> memoryview: ...

    def _made(self, name: str, *args: object) -> int:
        try:
            return self._channel.number(name, *args)
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
        self._channel.give(shim.host(of, len(self._hosts) - 1))
        item = self._made("host")
        self._types[item] = of
        return item

    def memory(self, of: MemoryType) -> int:
        limits = of.limits
        declared: dict[str, object] = {"initial": limits.minimum}
        if limits.maximum is not None:
            declared["maximum"] = limits.maximum
        if limits.shared:
            declared["shared"] = True
        return self._made("memory", declared)

    def table(self, of: TableType) -> int:
        element = {"funcref": "anyfunc"}.get(of.element, str(of.element))
        declared = {"element": element, "initial": of.limits.minimum}
        if of.limits.maximum is not None:
            declared["maximum"] = of.limits.maximum
        return self._made("table", declared)

    def variable(self, of: GlobalType, value: memoryview) -> int:
        if of.type in ("externref", "funcref") and not of.mutable and any(value[:8]):
            raise Refused(
                "a global of references that JavaScript makes for a host is null or mutable"
            )
        self._area[:SLOT] = value[:SLOT]
        data = bytes(value[:SLOT])
        self._channel.give(shim.variable(of, data))
        self._area[:SLOT] = data
        return self._made("make")

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
        self._channel.give(compiled.data)
        number = self._channel.do("compile")
        try:
            items = self._channel.do("instantiate", number, given, names, guest=True)
        finally:
            self._channel.do("forget", number)
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
            channel.give(shim.caller(of))
            number = self._calls[function, of] = self._made("caller", function)
        run, call_number = channel.run, number

        def call(frame: Frame) -> None:
            area[:size] = frame.slots[:size]
            run(call_number)
            frame.slots[:size] = area[:size]

        return call

    def pages(self, memory: int) -> int:
        return self._channel.number("bytes", memory) >> 16

    def grow_memory(self, memory: int, pages: int) -> int:
        return self._channel.number("grow", memory, pages)

    def _variable(self, variable: int, of: GlobalType) -> tuple[int, int]:
        calls = self._variables.get(variable)
        if calls is None:
            self._channel.give(shim.variable(of))
            load, save = self._channel.do("variable", variable)
            calls = self._variables[variable] = load, save
        return calls

    def load(self, variable: int, of: GlobalType, slot: memoryview) -> None:
        self._channel.run(self._variable(variable, of)[0], guest=False)
        slot[:SLOT] = self._area[:SLOT]

    def save(self, variable: int, of: GlobalType, slot: memoryview) -> None:
        call = self._variable(variable, of)[1]
        self._area[:SLOT] = slot[:SLOT]
        self._channel.run(call, guest=False)

    def table_size(self, table: int) -> int:
        return self._channel.number("length", table)

    def table_get(self, table: int, of: TableType, index: int) -> int:
        return self._channel.number("get", table, str(of.element), index)

    def table_set(self, table: int, of: TableType, index: int, reference: int) -> None:
        self._channel.do("set", table, str(of.element), index, reference)

    def grow_table(self, table: int, of: TableType, count: int, reference: int) -> int:
        return self._channel.number("extend", table, str(of.element), count, reference)

    def reference(self, value: object) -> int:
        # Engines do not tell when a guest has forgotten one: each is kept as long as the store.
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = self._channel.number("extern")
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


def accept(channel: Channel, module: bytes) -> None:
    """Have a module compiled. Raises `Refused`."""
    channel.give(module)
    try:
        channel.do("compile")
    except Trapped as error:
        raise Refused(str(error)) from None
