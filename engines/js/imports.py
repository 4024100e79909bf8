"""What a guest is to be given, as JavaScript makes it: functions by call number, memories, tags."""

from __future__ import annotations

import json

from engines.protocol import Linked, Relocated
from engines.wasm import GlobalType, MemoryType, TableType, TagType
from wasix.abi import ATOMICS, NUMBERS
from wasix.abi.instance import Snapshot
from wasix.abi.linking import START, UNDEFINED


def wanted(program: Linked, snapshot: Snapshot | None = None) -> str:
    """A module's imports as JSON: `{functions, memories, tags}`, lists of (module, name, what).

    What a function is, is its call number; a memory and a tag have a JavaScript descriptor. Where
    they apply there are also `fuel`, as (variable, limit in decimal); `variables`, if it suspends,
    as (name, type), and `pointer`, which of them is the stack pointer; `table` and `stack`, export
    names; `start`, the export to call first; `snapshot`, as (bytes of memory, area); `waits`, if it
    waits at shared memory, as (table, call numbers of what goes into it); `shares`, if the memory
    it exports is a shared one that it imports; `relocated`, see below.
    """
    functions = [
        (module, name, NUMBERS[function]) for (module, name), function in program.functions.items()
    ]
    memories, tags = [], []
    for item in program.module.imports:
        if isinstance(item.type, MemoryType):
            limits = item.type.limits
            memory: dict[str, object] = {"initial": limits.minimum}
            if limits.maximum is not None:
                memory["maximum"] = limits.maximum
            if limits.shared:
                memory["shared"] = True
            if limits.is64:
                memory["address"] = "i64"
            memories.append((item.module, item.name, memory))
        elif isinstance(item.type, TagType):
            parameters = list(map(str, item.type.type.params))
            tags.append((item.module, item.name, {"parameters": parameters}))
    found: dict[str, object] = {"functions": functions, "memories": memories, "tags": tags}
    if program.fuel is not None:
        found["fuel"] = (program.fuel.variable, str(program.fuel.limit))
    if program.table is not None:
        found["table"] = program.table
    if program.stack is not None:
        found["stack"] = program.stack
    if program.relocated is not None:
        found["relocated"] = _relocated(program, program.relocated)
    if program.suspends:
        found["variables"] = program.variables
        found["pointer"] = program.stack_pointer
    if snapshot is not None:
        found["snapshot"] = (snapshot.memory.size, snapshot.area)
    elif program.start is not None:
        found["start"] = program.start
    if program.shares:
        found["shares"] = True
    if program.waits is not None:
        numbers = [NUMBERS[function] for function in ATOMICS.functions]
        found["waits"] = (program.waits, numbers)
    return json.dumps(found)


def _relocated(program: Linked, own: Relocated) -> dict[str, object]:
    """`{globals, tables, stubs, start}`: the first two as above, with descriptors and, for globals,
    the number of the cell and a value; stubs as (bytes, import names, call number); a call number.
    """
    kinds = {(item.module, item.name): item.type for item in program.module.imports}
    variables = []
    for module, name, cell, value in own.cells:
        of = kinds[module, name]
        assert isinstance(of, GlobalType)
        signed = (value ^ 0x80000000) - 0x80000000
        variables.append((module, name, {"value": "i32", "mutable": of.mutable}, cell, signed))
    tables = [
        (
            *key,
            {"element": "anyfunc", "initial": of.limits.minimum, "maximum": of.limits.maximum},
        )
        for key, of in kinds.items()
        if isinstance(of, TableType)
    ]
    stubs = None
    if own.stubs is not None:
        stubs = list(own.stubs.join()), own.stubbed, NUMBERS[UNDEFINED]
    return {"globals": variables, "tables": tables, "stubs": stubs, "start": NUMBERS[START]}
