"""What the kernel asks of a guest's instance, as it is said to the glue (`direct.js`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from struct import Struct
from typing import Any

from engines.js.mailbox import ARGUMENTS, CHUNK_SIZE, IMPORTED, MAILBOX_SIZE, TOLD_SIZE
from engines.protocol import Door, Linked
from engines.wasm import FunctionType, Module
from engines.wasm.adapters import caller, representable, total
from engines.wasm.types import ExternalType
from wasix.abi import NUMBERS, UNWIND, Function
from wasix.abi.instance import (
    CallSlot,
    Given,
    GrowMemory,
    GrowTable,
    Instantiate,
    Place,
    Read,
    Reflect,
    Request,
    Signature,
    Write,
)

_BEHIND = MAILBOX_SIZE - ARGUMENTS
_WORD = Struct("<I").unpack_from
_MOST_TOLD = 1 << 20
"""Bytes that the glue may tell about one request."""


class Linking:
    """Requests to one guest's glue. `serve` has a system call of a linked module served."""

    def __init__(self, program: Linked, door: Door, serve: Callable[[Function], None]) -> None:
        self._door = door
        self._serve = serve
        self._modules: dict[Module, None] = {program.module: None}
        """In an order that stays."""
        self._stream = memoryview(b"")
        self._request: Request | None = None
        self._told = bytearray()

    def want(self, request: Request) -> None:
        """Have the glue told of a request, which it is to ask for."""
        self._request = request
        self._told.clear()

    # Entries: see `engines.js.mailbox`.

    def text(self, memory: memoryview, arguments: memoryview) -> int:
        request = self._request
        what: dict[str, object]
        module: Module | None = None
        match request:
            case Reflect(slot):
                what = {"what": "reflect", "slot": slot}
            case CallSlot(slot, values):
                what = {"what": "call", "slot": slot, "values": values.hex()}
            case GrowTable(count):
                what = {"what": "growTable", "count": count}
            case GrowMemory(pages):
                what = {"what": "growMemory", "pages": pages}
            case Place(slot, instance, export, into):
                what = {"what": "place", "slot": slot, "instance": instance, "name": export}
                what["table"] = into
            case Read(instance, export):
                what = {"what": "read", "instance": instance, "name": export}
            case Write(cell, value):
                what = {"what": "write", "cell": cell, "value": value}
            case Instantiate(linked, imports):
                module = None if linked in self._modules else linked
                what = {
                    "what": "instantiate",
                    "module": module.size if module else 0,
                    "key": linked.digest,
                    "imports": [
                        {"from": item.module, "as": item.name} | self._given(given)
                        for item, given in zip(linked.imports, imports, strict=True)
                    ],
                }
            case _:
                return UNWIND
        return self._begin(what, module)

    def _given(self, given: Given) -> dict[str, object]:
        said: dict[str, object] = {"of": given.of}
        match given.of:
            case "export":
                said |= {"instance": given.instance, "name": given.name}
            case "cell":
                said |= {"cell": given.cell, "value": given.value, "mutable": given.mutable}
            case "tag":
                said |= {"name": given.name, "params": given.params}
            case "call":
                function = given.function
                self._serve(function)
                kinds = function.wasm_params
                said |= {"number": NUMBERS[function], "kinds": kinds, "void": function.void}
        return said

    def _begin(self, what: object, module: Module | None) -> int:
        head = json.dumps(what).encode("ascii")
        self._stream = memoryview(head + (module.join() if module else b""))
        return len(head)

    def chunk(self, memory: memoryview, arguments: memoryview) -> int:
        (most,) = _WORD(arguments)
        part = self._stream[: min(most, CHUNK_SIZE)]
        self._stream = self._stream[len(part) :]
        arguments[_BEHIND : _BEHIND + len(part)] = part
        return len(part)

    def adapter(self, memory: memoryview, arguments: memoryview) -> int:
        (index,), (attempt,) = _WORD(arguments), _WORD(arguments, 4)
        candidates: dict[FunctionType, None] = {}
        for module in self._modules:
            types: list[ExternalType] = []
            if index == IMPORTED:
                types = [item.type for item in module.imports]
            elif index < len(module.index_space("function")):
                types = [module.function_type(index)]
            for of in types:
                if isinstance(of, FunctionType) and representable(of):
                    candidates[of] = None
        if attempt >= len(candidates):
            return 0
        of = tuple(candidates)[attempt]
        module = caller(of)
        taken, given = total(of.params), total(of.results)
        sizes = {"module": module.size, "taken": taken, "given": given}
        return self._begin({**sizes, "params": of.params, "results": of.results}, module)

    def told(self, memory: memoryview, arguments: memoryview) -> int:
        (length,) = _WORD(arguments)
        if length > TOLD_SIZE or len(self._told) + length > _MOST_TOLD:
            return UNWIND
        self._told += arguments[4 : 4 + length]
        return 0

    def proceed(self, memory: memoryview) -> int:
        """What the call answers that the request was made for. Raises if the glue told nonsense."""
        request, self._request = self._request, None
        return self._door.proceed(memory, self._answer(request))

    def _answer(self, request: Request | None) -> Any:
        if request is None:
            return None
        told = json.loads(bytes(self._told))
        match request:
            case Reflect() if told is not None:
                return Signature(tuple(told["params"]), tuple(told["results"]))
            case CallSlot() if told is not None:
                return bytes.fromhex(told)
            case Instantiate(module) if isinstance(told, int):
                self._modules[module] = None
        return told
