"""The dynamic linker: finds libraries, and links them to the program and to each other.

A symbol is looked for in the program, then in the libraries in the order in which they were loaded,
then among those that a library needs (with `deepbind`, there first). A function's address is a slot
of the table, which it is given once; an address of data lies in the library's part of memory.

What a library imports may be found only later, if libraries need each other: so globals are given
their values, and stubs the functions that they call, when all instances of one load are there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wasix.abi import ATOMICS, E, Errno
from wasix.abi.instance import (
    CallSlot,
    Given,
    GrowMemory,
    GrowTable,
    Instantiate,
    Place,
    Read,
    Signature,
    Write,
)
from wasix.abi.linking import UNDEFINED
from wasix.fs.file import OpenFile
from wasix.fs.inode import Access
from wasix.fs.opening import Opening
from wasix.proc.library import Export, Import, Library
from wasix.proc.wait import Block

if TYPE_CHECKING:
    from wasix.proc.process import Process
    from wasix.proc.steps import Steps

MAIN = 1
"""The program's handle."""
MOST_LIBRARIES = 512
"""Libraries of one process."""
MOST_DIRECTORIES = 256
"""Directories of one search path that are looked into."""
LIBRARY_PATH = ("/lib", "/usr/lib", "/usr/local/lib")
"""Where libraries are looked for at last."""

_PAGE = 1 << 16
_MAIN_INSTANCE, _MAIN_STUBS = 0, 1
_TAGS = ("__c_longjmp", "__cpp_exception")
_GOT = ("GOT.mem", "GOT.func")
_MOST_ALIGN_LOG2 = 16


class LinkFailure(Exception):
    """A library cannot be linked; the text says why, for whoever asks `dlerror`."""


@dataclass(eq=False)
class Loaded:
    """A library that is there, or the program."""

    library: Library
    handle: int
    path: str
    instance: int = -1
    memory_base: int = 0
    scope: list[Loaded] = field(default_factory=list)
    """Itself, and what it needs, in order of need."""
    visible: bool = True
    """Whether other libraries see its symbols."""
    deep: bool = False
    slots: dict[str, int] = field(default_factory=dict)
    """Where its functions are that have been given a slot."""
    cells: list[tuple[Import, int]] = field(default_factory=list)
    """The globals that are to get a value."""
    stubs: list[tuple[str, Signature | None, bool]] = field(default_factory=list)
    """(name, signature, whether it may be missing) of the functions it has stubs for."""
    stub_instance: int = -1


Symbol = tuple[Loaded, Export]


class Linker:
    """Of one process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._loaded: dict[int, Loaded] = {}
        self._paths: dict[object, Loaded] = {}
        self._last = MAIN
        self._room = (0, 0)
        """(address, bytes) that are left of the pages that were last added."""
        self._undefined: list[str] = []
        """What a library calls that nobody defines, by number."""
        self._local: list[tuple[int, Loaded, str]] = []
        """Cells with the address of a thread-local variable: of which library, and its name."""
        self._free: list[int] = []
        """Slots that are not used any more."""
        assert process.program is not None
        library = process.program.library()
        self.main = Loaded(library, MAIN, process.name, _MAIN_INSTANCE, library.base)
        self.main.scope = [self.main]
        self._loaded[MAIN] = self.main

    def __len__(self) -> int:
        return len(self._loaded) - 1

    def get(self, handle: int) -> Loaded | None:
        return self._loaded.get(handle)

    def undefined(self, number: int) -> str:
        return self._undefined[number] if number < len(self._undefined) else "?"

    # Finding.

    def _places(self, name: str, search: Sequence[str], needing: Loaded | None) -> Iterator[str]:
        if "/" in name:
            yield name
            return
        for directory in search[:MOST_DIRECTORIES]:
            if directory:
                yield f"{directory}/{name}"
        if needing is not None:
            origin = needing.path.rpartition("/")[0] or "."
            for directory in needing.library.runtime_path[:MOST_DIRECTORIES]:
                for word in ("${ORIGIN}", "$ORIGIN"):
                    directory = directory.replace(word, origin)
                yield f"{directory}/{name}"
        for directory in LIBRARY_PATH:
            yield f"{directory}/{name}"

    def _find(
        self, name: str, search: Sequence[str], needing: Loaded | None
    ) -> tuple[str, OpenFile]:
        from wasix.proc.find import open_at

        worst: Errno | None = None
        for path in self._places(name, search, needing):
            # What is built as a library elsewhere may be called a module here.
            for tried in (path, path.removesuffix(".so") + ".wasm"):
                if tried == path or path.endswith(".so"):
                    try:
                        file = open_at(self._process, tried, Opening(Access()))
                    except Errno as error:
                        if error.code not in (E.NOENT, E.NOTDIR):
                            worst = error
                        continue
                    if file.seekable:
                        return tried, file
                    file.close()
        reason = worst.code.name.lower() if worst else "no such file"
        raise LinkFailure(f"{name}: cannot open shared object file: {reason}")

    # Loading.

    def load(
        self,
        name: str,
        search: Sequence[str],
        *,
        visible: bool = False,
        deep: bool = False,
        only_loaded: bool = False,
    ) -> Generator[Any, Any, Loaded]:
        """The library behind a name, which is linked if it is not yet. Raises `LinkFailure`."""
        new: list[Loaded] = []
        found = yield from self._tree(name, search, None, new, only_loaded)
        if found is None:
            raise LinkFailure(f"{name}: it is not loaded")
        if visible:
            for each in found.scope:
                each.visible = True
        for each in new:
            each.deep = deep
        yield from self.link(new, found.scope)
        return found

    def _tree(
        self,
        name: str,
        search: Sequence[str],
        needing: Loaded | None,
        new: list[Loaded],
        only_loaded: bool,
    ) -> Generator[Any, Any, Loaded | None]:
        """Read a library and what it needs; those that are new are put behind those they need."""
        path, file = self._find(name, search, needing)
        key = file.inode.key if file.inode is not None else path
        known = self._paths.get(key)
        if known is not None or only_loaded:
            file.close()
            return known
        if self._last - MAIN + len(new) >= MOST_LIBRARIES or len(self._paths) > MOST_LIBRARIES:
            file.close()
            raise LinkFailure(f"{name}: there are too many libraries")
        programs = self._process.kernel.programs
        assert programs is not None
        loading = programs.load_library(self._process, path, file)
        while loading.library is None and loading.error is None:
            yield Block([loading.ready])
        if loading.library is None:
            raise LinkFailure(loading.reason or f"{path}: it cannot be read")
        loaded = Loaded(loading.library, 0, path, visible=False)
        loaded.scope.append(loaded)
        # So that what needs it again finds it; taken back if this fails.
        self._paths[key] = loaded
        try:
            for other in loading.library.needed:
                found = yield from self._tree(other, search, loaded, new, False)
                assert found is not None
                loaded.scope += (each for each in found.scope if each not in loaded.scope)
        except BaseException:
            self._paths.pop(key, None)
            raise
        new.append(loaded)
        return loaded

    # Linking.

    def link(self, new: Sequence[Loaded], scope: Sequence[Loaded]) -> Steps:
        """Link libraries, in this order, and have them begin."""
        try:
            for each in new:
                yield from self._instantiate(each)
            for each in new:
                yield from self.settle(each, [*scope, *each.scope])
        except BaseException:
            for key in [key for key, each in self._paths.items() if each in new]:
                del self._paths[key]
            raise
        for each in new:
            self._last += 1
            each.handle = self._last
            self._loaded[each.handle] = each
        for each in new:
            yield from self.begin(each)

    def begin(self, loaded: Loaded) -> Steps:
        """Have a library's addresses put where they belong, and its constructors called."""
        for name in ("__wasm_apply_data_relocs", "__wasm_apply_tls_relocs"):
            yield from self._call(loaded, name)
        for name in ("_initialize", "__wasm_call_ctors"):
            if name in loaded.library.exports:
                yield from self._call(loaded, name)
                break

    def _call(self, loaded: Loaded, name: str) -> Steps:
        export = loaded.library.exports.get(name)
        if export is not None and export.signature == Signature((), ()):
            yield from self._called(loaded, name)

    def _called(self, loaded: Loaded, name: str) -> Steps:
        """Call an exported function without parameters."""
        slot = self._free.pop() if self._free else (yield from self._slots(loaded.path))
        yield Place(slot, loaded.instance, name)
        yield CallSlot(slot)
        yield Place(slot)
        self._free.append(slot)

    def _slots(self, path: str, count: int = 1, align_log2: int = 0) -> Steps:
        """So many empty slots for the library at `path`: the first."""
        if align_log2 > _MOST_ALIGN_LOG2:
            raise LinkFailure(f"{path}: the table cannot be aligned like that")
        align = 1 << align_log2
        first = yield GrowTable(count + align - 1)
        if first is None:
            raise LinkFailure(f"{path}: there is no room in the table of functions")
        return -(-first // align) * align

    def _memory(self, path: str, size: int, align_log2: int) -> Steps:
        """So much memory for the library at `path`, which is zero: its address."""
        if align_log2 > _MOST_ALIGN_LOG2:
            raise LinkFailure(f"{path}: memory cannot be aligned like that")
        align = 1 << align_log2
        start, left = self._room
        at = -(-start // align) * align
        if at + size > start + left:
            pages = -(-size // _PAGE)
            grown = yield GrowMemory(pages)
            if grown is None:
                raise LinkFailure(f"{path}: there is no memory for it")
            at, start, left = grown, grown, pages * _PAGE
        self._room = (at + size, start + left - at - size)
        return at

    def _instantiate(self, loaded: Loaded) -> Steps:
        library, name = loaded.library, loaded.path
        if library.memory_size:
            loaded.memory_base = yield from self._memory(
                name, library.memory_size, library.memory_align_log2
            )
        table_base = 0
        if library.table_size:
            table_base = yield from self._slots(name, library.table_size, library.table_align_log2)
        fixed = {"__memory_base": loaded.memory_base, "__table_base": table_base}
        given: list[Given | None] = []
        wanting: list[int] = []
        for item in library.imports:
            made = self._given(loaded, item, fixed)
            if made is None:
                wanting.append(len(given))
                loaded.stubs.append((item.name, item.signature, item.weak))
            given.append(made)
        if wanting:
            assert self._process.program is not None
            signatures = tuple(library.imports[place].signature for place in wanting)
            if None in signatures:
                raise LinkFailure(f"{name}: it imports functions of types that nobody defines")
            module = self._process.program.stubs(signatures)
            base = Given("cell", cell=self._process.new_cell(), value=len(self._undefined))
            self._undefined += (symbol for symbol, _, _ in loaded.stubs)
            loaded.stub_instance = yield from self._made(
                name, module, (Given("call", function=UNDEFINED), base)
            )
            for number, place in enumerate(wanting):
                given[place] = Given("export", loaded.stub_instance, str(number))
        imports = tuple(each for each in given if each is not None)
        loaded.instance = yield from self._made(name, library.module, imports)
        if library.waits is not None:
            calls = (Given("call", function=function) for function in ATOMICS.functions)
            table = Given("export", loaded.instance, library.waits)
            yield from self._made(name, library.filler, (*calls, table))
        if library.start is not None:
            yield from self._call(loaded, library.start)

    def _made(self, name: str, module: Any, imports: tuple[Given, ...]) -> Steps:
        made = yield Instantiate(module, imports)
        if not isinstance(made, int):
            raise LinkFailure(f"{name}: {made}")
        return made

    def _given(self, loaded: Loaded, item: Import, fixed: Mapping[str, int]) -> Given | None:
        """What an import is given; None for a stub."""
        if item.function is not None:
            return Given("call", function=item.function)
        if item.kind == "global" and item.module in _GOT:
            cell = self._process.new_cell()
            loaded.cells.append((item, cell))
            return Given("cell", cell=cell, mutable=item.mutable)
        if item.module == "env":
            match item.kind, item.name:
                case "memory", _:
                    return Given("memory")
                case "table", "__indirect_function_table":
                    return Given("table")
                case "global", "__stack_pointer":
                    return Given("stack")
                case "global", ("__memory_base" | "__table_base") as name:
                    cell = self._process.new_cell()
                    return Given("cell", cell=cell, value=fixed[name], mutable=item.mutable)
                case "tag", name if item.signature is not None:
                    if name in self.main.library.exports:
                        return Given("export", _MAIN_INSTANCE, name)
                    return Given("tag", name=name, params=item.signature.params)
                case "function", name:
                    return self._function(loaded, item)
        raise LinkFailure(
            f"{loaded.path}: it imports the {item.kind} {item.module}.{item.name}, which no "
            "program offers to libraries"
        )

    def _function(self, loaded: Loaded, item: Import) -> Given | None:
        found = self._symbol(item.name, loaded.scope, loaded)
        if found is None or found[0].instance < 0:
            return None
        self._check(loaded, item.name, item.signature, found)
        return Given("export", found[0].instance, item.name)

    def _check(self, loaded: Loaded, name: str, signature: Signature | None, found: Symbol) -> None:
        export = found[1]
        if export.kind != "function" or export.signature != signature:
            raise LinkFailure(
                f"{loaded.path}: it imports {name} as {_told(signature)}, "
                f"but {found[0].path} has it as {_told(export.signature)}"
            )

    def settle(self, loaded: Loaded, scope: Sequence[Loaded]) -> Steps:
        """Give a library the addresses of what it imports, now that all others are there."""
        for number, (name, signature, _) in enumerate(loaded.stubs):
            found = self._symbol(name, scope, loaded)
            if found is not None:
                self._check(loaded, name, signature, found)
                yield Place(number, found[0].instance, name, table=loaded.stub_instance)
        for item, cell in loaded.cells:
            found = self._symbol(item.name, scope, loaded)
            if found is None:
                if not item.weak:
                    raise LinkFailure(f"{loaded.path}: undefined symbol: {item.name}")
                continue
            address = yield from self.address(found[0], item.name)
            yield Write(cell, address)
            if found[1].thread_local:
                self._local.append((cell, found[0], item.name))

    # Symbols.

    def _symbol(
        self, name: str, scope: Iterable[Loaded], loaded: Loaded | None = None
    ) -> Symbol | None:
        known = [each for each in self._loaded.values() if each.visible]
        order = [*scope, *known] if loaded is not None and loaded.deep else [*known, *scope]
        return _first(name, order)

    def symbol(self, handle: int, name: str) -> Symbol | None:
        """What `dlsym` finds: everywhere, or in a library and what it needs."""
        loaded = self._loaded[handle] if handle else self.main
        order = list(self._loaded.values()) if handle in (0, MAIN) else loaded.scope
        return _first(name, order, hidden=False)

    def address(self, loaded: Loaded, name: str) -> Steps:
        """The address of an export: of data, or a slot."""
        export = loaded.library.exports[name]
        if export.kind == "function":
            if name not in loaded.slots:
                slot = yield from self._slots(loaded.path)
                yield Place(slot, loaded.instance, name)
                loaded.slots[name] = slot
            return loaded.slots[name]
        value = yield Read(loaded.instance, name)
        if value is None:
            raise LinkFailure(f"{loaded.path}: {name} is neither data nor a function")
        base = loaded.memory_base
        if export.thread_local:
            base = yield Read(loaded.instance, "__tls_base")
            if base is None:
                raise LinkFailure(f"{loaded.path}: it does not say where {name} begins")
        return (value + base) & 0xFFFFFFFF

    # The program itself.

    def start(self, search: Sequence[str]) -> Steps:
        """Link the program, which is itself a library, to what it needs. Raises `LinkFailure`."""
        main, library = self.main, self.main.library
        new: list[Loaded] = []
        # First, since its stubs count from 0.
        self._undefined += (name for name, _ in library.stubs)
        # One slot at least must be free for the calls that threads begin with.
        self._free.append((yield from self._slots(main.path)))
        for name in library.needed:
            found = yield from self._tree(name, search, main, new, False)
            assert found is not None
            main.scope += (each for each in found.scope if each not in main.scope)
        for each in main.scope:
            each.visible = True
        for each in new:
            yield from self._instantiate(each)
        main.stub_instance = _MAIN_STUBS
        main.stubs = [(name, signature, False) for name, signature in library.stubs]
        weak = {(item.module, item.name) for item in library.imports if item.weak}
        main.cells = [
            (Import(module, name, "global", weak=(module, name) in weak), cell)
            for (module, name), cell in library.cells.items()
            if module in _GOT
        ]
        for each in (main, *new):
            yield from self.settle(each, main.scope)
        for each in new:
            self._last += 1
            each.handle = self._last
            self._loaded[each.handle] = each
        for name in ("__wasm_apply_data_relocs", "__wasm_apply_tls_relocs"):
            yield from self._call(main, name)
        for each in new:
            yield from self.begin(each)
        yield from self._call(main, "_initialize")

    def join(self, stack: int, tls: int) -> Steps:
        """Have the instances of another thread, which are there, begin: its stack and the main
        program's thread-local variables are there."""
        cell = self.main.library.stack_cell
        if cell is not None:
            yield Write(cell, stack)
        for loaded in self._loaded.values():
            export = loaded.library.exports.get("__wasix_init_tls")
            of = None if export is None else export.signature
            if loaded is not self.main and of is not None and not of.params:
                yield from self._called(loaded, "__wasix_init_tls")
        for cell, loaded, name in self._local:
            base = tls if loaded is self.main else (yield Read(loaded.instance, "__tls_base"))
            offset = yield Read(loaded.instance, name)
            if base is not None and offset is not None:
                yield Write(cell, base + offset & 0xFFFFFFFF)


def _first(name: str, order: Iterable[Loaded], *, hidden: bool = True) -> Symbol | None:
    for loaded in order:
        export = loaded.library.exports.get(name)
        if export is not None and (hidden or not export.hidden):
            return loaded, export
    return None


def _told(signature: Signature | None) -> str:
    if signature is None:
        return "something else"
    return f"({', '.join(signature.params)}) -> ({', '.join(signature.results)})"
