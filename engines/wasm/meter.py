"""Meters a module: it counts what it executes, ends when that is used up, asks whether to go on.

`instrument` gives a module that does what the original does and besides

- with `fuel`: keeps what is left in a mutable i64 global, exported under a hidden name. Entering a
  function costs 1 and so does every instruction but those in `blocks.FREE`; a straight run is
  charged when it is entered. Instructions whose work depends on an operand cost that as well: 1 for
  each 16 bytes or for each element (`PER_BYTES`). Calls of imported functions cost what `costs`
  says. As soon as the global is negative the module traps, at the latest at the next loop head,
  function entry or call of an import. No handler of the guest's catches a trap. So the global says
  why: a run ended for lack of fuel if and only if it is negative at the end.
- with `interrupt="call"`: counts loop heads and function entries and every `PERIOD` of them calls
  the function `() -> i32` that the host has put into the exported table, element 0. The guest
  traps if that answers anything but 0. For engines that nobody else can stop.
- with `interrupt="word"`: looks at each of these at the first word of an exported shared memory of
  one page, and traps if it is not 0. Any thread of the host can set that at any time.

What is added stands at the end of every index space, so no index changes but those of calls of
imports. A start function is taken out and exported for the host to call, when it has set the
global or table, and before anything else.

The functions of a module whose instantiation failed have no fuel, though they may be in a table
that others see.

The host's part: instantiate; set the global `Meter.fuel` or put a function into the table
`Meter.interrupt`; call `Meter.start` if there is one; run; read the global.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, Literal, NamedTuple

from engines.wasm import binary
from engines.wasm.assemble import Additions, Code
from engines.wasm.blocks import Plan, rewrite
from engines.wasm.immediates import Malformed, unsigned
from engines.wasm.module import Module
from engines.wasm.opcodes import OPCODES
from engines.wasm.reader import DecodeError
from engines.wasm.references import elements, initialisers
from engines.wasm.rewrite import hidden_prefix, is_about_code
from engines.wasm.types import (
    FUNCREF,
    I32,
    I64,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    ValueType,
    printable,
)

VERSION: Final = 2
"""Changes whenever the same module would be instrumented in another way: part of cache keys."""

PER_BYTES: Final = 16
"""Bytes moved or filled for a unit of fuel."""

PERIOD: Final = 10_000
"""Loop heads and function entries between two questions whether to go on."""

Interrupt = Literal["call", "word"]


class Amount(NamedTuple):
    """Fuel for what an argument says: `value * multiplier >> shift`.

    `parameter` is the position of an i32. With `stored` it is an address where the call leaves the
    value, a u32, if its result is 0; that is charged after the call, the others before.
    """

    parameter: int
    multiplier: int = 1
    shift: int = 0
    stored: bool = False


class Cost(NamedTuple):
    """What a call of an imported function costs, besides the call instruction itself."""

    fixed: int
    amounts: tuple[Amount, ...] = ()


class Meter(NamedTuple):
    """An instrumented module, and the names of what it exports for the host."""

    module: Module
    fuel: str | None
    interrupt: str | None
    start: str | None

    @staticmethod
    def of(made: Module, original: Module) -> Meter:
        """What `instrument` gave for `original` with fuel alone, from its module."""
        prefix = hidden_prefix(original)
        start = None if original.start is None else prefix + _START
        return Meter(made, prefix + _FUEL, None, start)


_FUEL: Final = "fuel"
_INTERRUPT: Final = "interrupt"
_START: Final = "start"


def instrument(
    module: Module,
    *,
    fuel: bool = True,
    interrupt: Interrupt | None = None,
    costs: Mapping[tuple[str, str], Cost] | None = None,
    memory: int = 0,
) -> Meter:
    """Instrument `module`; see above.

    `costs` are by module and name of the import. `memory` is the index of the memory that addresses
    in arguments mean. Raises `DecodeError` if a function body cannot be read.
    """
    return _Instrumenter(module, fuel, interrupt, costs or {}, memory).made()


# Instructions that do as much work as their last operand says: what index space decides whether
# that is an i32 or an i64 (by which of the indices), and bits of it to drop.
_BYTES: Final = PER_BYTES.bit_length() - 1
_MEASURED: Final[dict[str, tuple[Literal["memory", "table", ""], int]]] = {
    "memory.init": ("", _BYTES),
    "memory.copy": ("memory", _BYTES),
    "memory.fill": ("memory", _BYTES),
    "memory.grow": ("memory", 0),
    "table.init": ("", 0),
    "table.copy": ("table", 0),
    "table.fill": ("table", 0),
    "table.grow": ("table", 0),
    "array.new": ("", 0),
    "array.new_default": ("", 0),
    "array.new_data": ("", 0),
    "array.new_elem": ("", 0),
    "array.fill": ("", 0),
    "array.copy": ("", 0),
    "array.init_data": ("", 0),
    "array.init_elem": ("", 0),
}


_MOST_64: Final = 1 << 40
"""Charged for at most: there is no memory or table of so much, and subtracting it wraps nothing."""


class _Instrumenter:
    def __init__(
        self,
        module: Module,
        fuel: bool,
        interrupt: Interrupt | None,
        costs: Mapping[tuple[str, str], Cost],
        memory: int,
    ) -> None:
        self.module = module
        self.costs = costs
        self.memory = memory
        self.additions = Additions(module)
        self.prefix = hidden_prefix(module)
        self.fuel: str | None = None
        self.interrupt: str | None = None
        self.start: str | None = None
        self._measures: dict[tuple[ValueType, int], bytes] = {}
        self._fuel = -1
        self._head = b""
        if fuel:
            self._fuel = self.additions.variable(GlobalType(I64, True), Code().i64(0))
            self.fuel = self._exported(_FUEL, "global", self._fuel)
        if interrupt == "call":
            self._interrupt_by_call()
        elif interrupt == "word":
            self._interrupt_by_word()
        if module.start is not None:
            self.start = self._exported(_START, "function", module.start)

    def _exported(
        self, name: str, kind: Literal["function", "global", "memory", "table"], index: int
    ) -> str:
        self.additions.export(self.prefix + name, kind, index)
        return self.prefix + name

    def _interrupt_by_call(self) -> None:
        add = self.additions
        table = add.table(TableType(FUNCREF, Limits(1, 1)))
        self.interrupt = self._exported(_INTERRUPT, "table", table)
        counter = add.variable(GlobalType(I32, True), Code().i32(PERIOD))
        asked = add.type(FunctionType((), (I32,)))
        ask = Code().i32(PERIOD).op("global.set", counter).i32(0)
        ask.op("call_indirect", asked, table).if_().op("unreachable").end()
        function = add.function(FunctionType((), ()), ask)
        head = Code().op("global.get", counter).i32(1).op("i32.sub").op("global.set", counter)
        head.op("global.get", counter).op("i32.eqz").if_().op("call", function).end()
        self._head = bytes(head)

    def _interrupt_by_word(self) -> None:
        memory = self.additions.memory(MemoryType(Limits(1, 1, shared=True)))
        self.interrupt = self._exported(_INTERRUPT, "memory", memory)
        head = Code().i32(0).memory("i32.atomic.load", 2, memory).if_().op("unreachable").end()
        self._head = bytes(head)

    # Charging.

    def _charge(self, amount: Code, *, checked: bool) -> Code:
        """Take what `amount` leaves on the stack off the fuel."""
        code = Code().op("global.get", self._fuel).add(amount).op("i64.sub")
        code.op("global.set", self._fuel)
        return code.add(self._check()) if checked else code

    def _check(self) -> Code:
        code = Code().op("global.get", self._fuel).i64(0).op("i64.lt_s")
        return code.if_().op("unreachable").end()

    def _run(self) -> Callable[[int, bool], bytes]:
        if self.fuel is None:
            return lambda _cost, head: self._head if head else b""

        @cache
        def run(cost: int, head: bool) -> bytes:
            code = bytes(self._charge(Code().i64(cost), checked=head)) if cost or head else b""
            return (self._head if head else b"") + code

        return run

    # Instructions whose work depends on an operand.

    def _before(self) -> dict[int, Callable[[bytes, int], bytes]]:
        if self.fuel is None:
            return {}
        return {
            code: self._measured(*_MEASURED[opcode.name], opcode.immediates)
            for code, opcode in OPCODES.items()
            if opcode.name in _MEASURED
        }

    def _measured(
        self, kind: Literal["memory", "table", ""], shift: int, immediates: str
    ) -> Callable[[bytes, int], bytes]:
        is64 = []
        if kind:
            for item in self.module.index_space(kind):
                assert isinstance(item, MemoryType | TableType)
                is64.append(item.limits.is64)

        def before(data: bytes, pos: int) -> bytes:
            wide = bool(kind)
            for _ in range((1 + (immediates == "indices2")) if kind else 0):
                index, pos = unsigned(data, pos)
                # The length of a copy has the narrower of two address types.
                wide = wide and index < len(is64) and is64[index]
            return self._measure(I64 if wide else I32, shift)

        return before

    def _measure(self, of: ValueType, shift: int) -> bytes:
        """A call that takes a length, charges for it and gives it back."""
        key = of, shift
        if key not in self._measures:
            units = Code().op("local.get", 0)
            if of == I32:
                units.op("i64.extend_i32_u")
            else:
                units.i64(_MOST_64).op("local.get", 0).i64(_MOST_64).op("i64.lt_u").op("select")
            if shift:
                units.i64(shift).op("i64.shr_u")
            body = self._charge(units, checked=True).op("local.get", 0)
            function = self.additions.function(FunctionType((of,), (of,)), body)
            self._measures[key] = bytes(Code().op("call", function))
        return self._measures[key]

    # Calls of imports.

    def _redirected(self) -> dict[int, int]:
        """By imported function, the function that charges for it and calls it."""
        if self.fuel is None:
            return {}
        found = {}
        functions = [item for item in self.module.imports if isinstance(item.type, FunctionType)]
        for index, item in enumerate(functions):
            cost = self.costs.get((item.module, item.name))
            assert isinstance(item.type, FunctionType)
            assert item.type_index is not None
            if cost is not None:
                body = self._paid(index, item.type, cost)
                result = () if not item.type.results else (I32,)
                found[index] = self.additions.function_of(item.type_index, body, result)
        return found

    def _paid(self, index: int, of: FunctionType, cost: Cost) -> Code:
        body = self._charge(Code().i64(cost.fixed), checked=False)
        for amount in cost.amounts:
            if not amount.stored:
                units = Code().op("local.get", amount.parameter).op("i64.extend_i32_u")
                body.add(self._charge(_scaled(units, amount), checked=False))
        body.add(self._check())
        for place in range(len(of.params)):
            body.op("local.get", place)
        body.op("call", index)
        if of.results and any(amount.stored for amount in cost.amounts):
            result = len(of.params)
            body.op("local.tee", result).op("i32.eqz").if_()
            for amount in cost.amounts:
                if amount.stored:
                    body.add(self._charge(_scaled(self._loaded(amount), amount), checked=True))
            body.end().op("local.get", result)
        return body

    def _loaded(self, amount: Amount) -> Code:
        code = Code().op("local.get", amount.parameter)
        memory = self.module.index_space("memory")[self.memory]
        assert isinstance(memory, MemoryType)
        if memory.limits.is64:
            code.op("i64.extend_i32_u")
        return code.memory("i32.load", 2, self.memory).op("i64.extend_i32_u")

    # The whole.

    def made(self) -> Meter:
        redirected = self._redirected()
        plan = Plan(self._run(), redirected, self._before())
        payloads: dict[int, bytes | memoryview | None] = {binary.START: None}
        for section in self.module.sections:
            if section.id == binary.CODE:
                payloads[binary.CODE] = self._code(section.payload, section.offset, plan)
            elif section.id == binary.ELEMENT and redirected:
                payloads[binary.ELEMENT] = elements(self.module, section, redirected)
            elif section.id in (binary.GLOBAL, binary.TABLE) and redirected:
                payloads[section.id] = initialisers(self.module, section, redirected)
        if plan.referred:
            self.additions.declare(sorted(plan.referred))
        module = self.additions.made(payloads, drop=is_about_code)
        return Meter(module, self.fuel, self.interrupt, self.start)

    def _code(self, payload: memoryview, base: int, plan: Plan) -> bytes:
        data = bytes(payload)
        count, pos = unsigned(data, 0)
        parts = [data[:pos]]
        try:
            for _ in range(count):
                size, pos = unsigned(data, pos)
                if size > len(data) - pos:
                    raise Malformed("a function is longer than its section", pos)
                body = rewrite(data, pos, pos + size, plan)
                parts += (binary.unsigned_leb(len(body)), body)
                pos += size
            if pos != len(data):
                raise Malformed("the code section is longer than its functions", pos)
        except IndexError:
            raise self._fault("the code section ends inside a function", base + pos) from None
        except Malformed as error:
            raise self._fault(str(error), base + error.at) from None
        return b"".join(parts)

    def _fault(self, what: str, at: int) -> DecodeError:
        return DecodeError(f"{printable(self.module.name)}: {what} at offset 0x{at:x}")


def _scaled(units: Code, amount: Amount) -> Code:
    if amount.multiplier != 1:
        units.i64(amount.multiplier).op("i64.mul")
    if amount.shift:
        units.i64(amount.shift).op("i64.shr_u")
    return units
