"""Makes a changed module out of a decoded one, without copying what stays.

Every function returns a new `Module`, so that changes can follow one another; its `buffers()` are
views of the original bytes and small new pieces, `join()` makes one string of them. What is built
is decoded again, so a result is as well-formed as its original.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from engines.wasm import binary
from engines.wasm.decode import decode_sections
from engines.wasm.module import Module, Section
from engines.wasm.reader import Reader
from engines.wasm.types import Export, GlobalType, Import, Kind, MemoryType, printable

HIDDEN_PREFIX: Final = "__wasix_"

Piece = tuple[int, memoryview, memoryview]
"""A section without its place: id, head, payload."""


class MemoryLimitError(ValueError):
    """A module needs more memory to start than it may have. One line: file, need and limit."""


def replace_sections(module: Module, payloads: Mapping[int, bytes | memoryview | None]) -> Module:
    """Give sections, by id, a new payload; None takes a section out.

    A section that was not there is put where the order of sections wants it. Custom sections stay
    where they are; they have no id of their own and cannot be replaced here (ValueError). A result
    that is no module raises DecodeError.
    """
    return decode_sections(laid_out(pieces_of(module, payloads)), module.name, before=module)


def pieces_of(
    module: Module,
    payloads: Mapping[int, bytes | memoryview | None],
    drop: Callable[[str], bool] = lambda name: False,
) -> list[Piece]:
    """The sections of a module, those in `payloads` exchanged as `replace_sections` does it.

    Custom sections for whose name `drop` is true are left out.
    """
    for section_id in payloads:
        if section_id not in binary.SECTION_ORDER:
            raise ValueError(f"{section_id} is not the id of a section that can be replaced")
    pieces: list[Piece] = []
    present = set()
    for section in module.sections:
        present.add(section.id)
        if section.id not in payloads:
            if section.id != binary.CUSTOM or not drop(_custom_name(section)):
                pieces.append((section.id, section.head, section.payload))
            continue
        payload = payloads[section.id]
        if payload is not None:
            pieces.append(_piece(section.id, payload))
    # In the order of sections, so that each new one finds the one before it in place.
    for section_id in sorted(payloads.keys() - present, key=binary.SECTION_ORDER.__getitem__):
        payload = payloads[section_id]
        if payload is not None:
            place = _place(section_id, [piece[0] for piece in pieces])
            pieces.insert(place, _piece(section_id, payload))
    return pieces


def _custom_name(section: Section) -> str:
    reader = Reader(section.payload, "", section.offset, "a custom section")
    return reader.name("a name")


def _piece(section_id: int, payload: bytes | memoryview) -> Piece:
    head = bytes([section_id]) + binary.unsigned_leb(len(payload))
    return section_id, memoryview(head), memoryview(payload)


def _place(section_id: int, present: list[int]) -> int:
    """Where a new section goes: right after the last that stands before it, else before the first
    that stands after it (a custom section such as `dylink.0` may have to stay in front)."""
    order = binary.SECTION_ORDER
    known = [(place, order[other]) for place, other in enumerate(present) if other in order]
    before = [place for place, rank in known if rank < order[section_id]]
    if before:
        return before[-1] + 1
    return known[0][0] if known else len(present)


def laid_out(pieces: Iterable[Piece]) -> Iterable[Section]:
    """Sections where they stand in the module that they make."""
    offset = len(binary.HEADER)
    for section_id, head, payload in pieces:
        offset += len(head)
        yield Section(section_id, offset, head, payload)
        offset += len(payload)


def set_imports(module: Module, imports: Iterable[Import]) -> Module:
    """Replace the list of imports. Indices elsewhere are not renumbered: keep number and kinds."""
    payload = binary.vector(map(binary.import_entry, imports))
    return replace_sections(module, {binary.IMPORT: payload})


def set_exports(module: Module, exports: Iterable[Export]) -> Module:
    """Replace the list of exports; DecodeError for a name used twice or an index out of range."""
    payload = binary.vector(map(binary.export_entry, exports))
    return replace_sections(module, {binary.EXPORT: payload})


def add_export(module: Module, name: str, kind: Kind, index: int) -> Module:
    """Export one thing more."""
    return set_exports(module, (*module.exports, Export(name, kind, index)))


def hidden_prefix(module: Module, prefix: str = HIDDEN_PREFIX) -> str:
    """`prefix` with underscores added until no export of the module begins with it."""
    while any(export.name.startswith(prefix) for export in module.exports):
        prefix += "_"
    return prefix


def import_memory(module: Module, name: str, source: str, field: str) -> Module:
    """Import the memory that is exported as `name`, if the module makes it itself and it is the
    first one it makes; its index stays. Else the module is given back as it is."""
    exported = module.export(name)
    imported = sum(item.kind == "memory" for item in module.imports)
    if exported is None or exported.kind != "memory" or exported.index != imported:
        return module
    memory, *others = module.memories
    made = binary.vector(map(binary.external_type, others)) if others else None
    wanted = (*module.imports, Import(source, field, memory))
    payload = binary.vector(map(binary.import_entry, wanted))
    return replace_sections(module, {binary.IMPORT: payload, binary.MEMORY: made})


def is_about_code(custom: str) -> bool:
    """Whether a custom section tells positions in the code, which are others when that changes."""
    return custom.startswith(("metadata.code.", ".debug_", "reloc.")) or custom in (
        *("linking", "sourceMappingURL", "external_debug_info"),
    )


def export_hidden(module: Module, prefix: str = HIDDEN_PREFIX) -> Module:
    """Export every mutable global, table and memory that is not exported yet.

    Whoever copies an instance (fork) needs them all; `Module.exported_as` gives the names. New
    names are `<prefix><kind>_<index>`; underscores are added to the prefix until no export of the
    module begins with it, so that a guest cannot have taken one.
    """
    prefix = hidden_prefix(module, prefix)
    kinds: tuple[Kind, ...] = ("global", "table", "memory")
    hidden = [
        Export(f"{prefix}{kind}_{index}", kind, index)
        for kind in kinds
        for index, state in enumerate(module.index_space(kind))
        if module.exported_as(kind, index) is None
        and not (isinstance(state, GlobalType) and not state.mutable)
    ]
    return set_exports(module, (*module.exports, *hidden)) if hidden else module


def export_start(module: Module, prefix: str = HIDDEN_PREFIX) -> tuple[Module, str | None]:
    """Take a start function out and export it, for the host to call: the module, and its name.

    Whoever copies an instance needs one in which nothing has run.
    """
    if module.start is None:
        return module, None
    name = hidden_prefix(module, prefix) + "start"
    exports = (*module.exports, Export(name, "function", module.start))
    payload = binary.vector(map(binary.export_entry, exports))
    return replace_sections(module, {binary.START: None, binary.EXPORT: payload}), name


def clamp_memory(module: Module, limit: int) -> Module:
    """Lower the maxima of a module's memories, defined and imported, to stay within `limit` bytes.

    The limit holds for all memories together: the sum of the maxima will not exceed it, so no order
    of growing does. Each memory keeps at least the size it starts with. What the limit leaves above
    that is shared out equally, except that no memory gets more than it could use: where only one
    can grow, it gets all of it. Maxima are whole pages.

    Raises MemoryLimitError if the sizes at the start are already over the limit. A module within
    the limit is returned unchanged.
    """
    memories = [memory for memory in module.index_space("memory") if isinstance(memory, MemoryType)]
    needed = sum(memory.minimum_bytes for memory in memories)
    if needed > limit:
        raise MemoryLimitError(
            f"{printable(module.name)} needs {_size(needed)} of memory to start,"
            f" but the limit is {_size(limit)}"
        )
    maxima = shares(
        [(memory.minimum_bytes, memory.maximum_bytes, memory.page_size) for memory in memories],
        limit - needed,
    )
    clamped = [
        memory
        if maximum == memory.maximum_bytes
        else MemoryType(memory.limits._replace(maximum=maximum >> memory.limits.page_size_log2))
        for memory, maximum in zip(memories, maxima, strict=True)
    ]
    if clamped == memories:
        return module
    imported = sum(wanted.kind == "memory" for wanted in module.imports)
    payloads: dict[int, bytes] = {}
    if imported:
        types = iter(clamped[:imported])
        imports = (
            wanted._replace(type=next(types)) if wanted.kind == "memory" else wanted
            for wanted in module.imports
        )
        payloads[binary.IMPORT] = binary.vector(map(binary.import_entry, imports))
    if module.memories:
        entries = (binary.limits(memory.limits) for memory in clamped[imported:])
        payloads[binary.MEMORY] = binary.vector(entries)
    return replace_sections(module, payloads)


def shares(wanting: Sequence[tuple[int, int, int]], spare: int) -> list[int]:
    """What each of several gets at most: its start and its share of `spare`, in whole steps.

    `wanting` are (start, most it could use, step). Those that want least are served first, so what
    they leave goes to the others.
    """
    found = [start for start, _, _ in wanting]
    by_want = sorted(range(len(wanting)), key=lambda place: wanting[place][1] - wanting[place][0])
    for served, place in enumerate(by_want):
        start, most, step = wanting[place]
        share = min(most - start, spare // (len(wanting) - served))
        share -= share % step
        found[place] += share
        spare -= share
    return found


def _size(size: int) -> str:
    """A size as people write it, exact: the largest unit that divides it."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size and size % (1 << power) == 0:
            return f"{size >> power} {unit}"
    return f"{size} bytes"
