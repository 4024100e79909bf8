"""Instances of plain modules: linking them, and what they export."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from engines.plain import Ended, Item, Refused, Trapped
from engines.values import known
from engines.wasm import FunctionType, GlobalType, Import, Limits, MemoryType, TableType, TagType
from engines.wasm.types import ExternalType, printable
from wasix.api.errors import LinkError
from wasix.api.externs import Extern, Global, Memory, Table, Tag
from wasix.api.function import Function
from wasix.api.module import Module
from wasix.api.store import Store

Imports = Mapping[str, Any]
"""By module and name; the inner ones may be the exports of instances, too."""


class Exports:
    """What an instance exports, by attribute or by name: `exports.add`, `exports["a name"]`."""

    def __init__(self, store: Store, module: Module, find: Callable[[str], Item]) -> None:
        self._store = store
        self._module = module
        self._find = find
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        found = self._found.get(name)
        if found is None:
            of = self._module._module.type_of_export(name)
            if of is None:
                raise KeyError(name)
            with self._store.using():
                found = self._found[name] = _export(self._store, of, self._find(name), name)
        return found

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            try:
                found = self[name]
            except KeyError:
                pass
            else:
                self.__dict__.setdefault(name, found)
                return found
        raise AttributeError(f"{self._module._module.name} exports no {name!r}", name=name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._module._module.export(name) is not None

    def __iter__(self) -> Iterator[str]:
        return (export.name for export in self._module._module.exports)

    def __len__(self) -> int:
        return len(self._module._module.exports)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]


def _export(store: Store, of: ExternalType, item: Item, name: str) -> Function | Extern:
    match of:
        case FunctionType():
            return Function(store, item, of, printable(name))
        case MemoryType():
            extern: Extern = Memory._of_type(of)
        case GlobalType():
            extern = Global._of_type(of)
        case TableType():
            extern = Table._of_type(of)
        case TagType():
            extern = Tag._of_type(of)
    bound: Extern = extern._bind(store, item)
    return bound


class Instance:
    """An instance of a module, with what it imports.

    `imports` has, by module and name: Python functions, `Memory`, `Global` and `Table`, and what
    other instances export. Host functions get Python's values and return them, see `Function`; they
    may be `async def` where the guest is called with `call_async`. Those called from a guest run on
    the thread that called it.

    Raises `LinkError`, with a line for each import that is missing or has another type, `Trap` if a
    start function traps, and `InstanceLost` if a process of its own ends. Instances that share
    something live and are closed together. Close it, or let go of it: then all is freed.

        >>> module = wasix.Module(bytes.fromhex(
        ...     "0061736d0100000001060160017f017f020d0103656e76057477696365000003020100"
        ...     "070501016600010a0a0108002000100010000b000b046e616d65010401000174"))
        >>> with wasix.Instance(module, {"env": {"twice": lambda n: 2 * n}}) as instance:
        ...     instance.exports.f(10)
        40
    """

    def __init__(self, module: Module, imports: Imports | None = None) -> None:
        self._module = module
        given = _given(module, imports or {})
        self._store = store = _store(module, given)
        with store.using():
            items, problems = [], []
            for wanted, value in given:
                try:
                    items.append(_item(store, wanted, value))
                except Refused as error:
                    problems.append(f"imports {wanted} as {wanted.type}, but {error}")
            if problems:
                raise _link_error(module, problems)
            store.level.depth += 1
            try:
                find = store.items.instantiate(module._compiled, module._module, items)
            except (Trapped, Ended) as error:
                raise store.raised(error) from None
            except Refused as error:
                raise LinkError(f"{module._module.name}: {error}") from None
            finally:
                store.clear(store.level.depth)
                store.level.depth -= 1
        self.exports = Exports(store, module, find)

    @property
    def module(self) -> Module:
        """What it is an instance of."""
        return self._module

    def stop(self) -> None:
        """End what runs in it now; any thread, and host functions too. Returns at once.

        The calls under way raise `Trap("stopped")`. A guest that computes ends very soon, one that
        called a host function when this returns; a coroutine is cancelled. Afterwards the instance
        can be called again; where it has a process of its own, it ends with that if it computed,
        and calls raise `InstanceLost`.
        """
        self._store.stop()

    def close(self) -> None:
        """Stop it and free what it holds, as soon as no view of a memory is left."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Instance of {self._module!r}>"


def _given(module: Module, imports: Imports) -> list[tuple[Import, Any]]:
    """What is given for each import. Raises `LinkError` and names all that is wrong."""
    found, problems = [], []
    for wanted in module._module.imports:
        try:
            value = imports[wanted.module][wanted.name]
        except KeyError:
            problems.append(f"imports {wanted} as {wanted.type}, which it is not given")
            continue
        problem = _mismatch(wanted.type, value)
        if problem:
            problems.append(f"imports {wanted} as {wanted.type}, but it is given {problem}")
        found.append((wanted, value))
    if problems:
        raise _link_error(module, problems)
    return found


def _link_error(module: Module, problems: list[str]) -> LinkError:
    name = printable(module._module.name)
    return LinkError("\n".join(f"{name} {problem}" for problem in problems))


def _mismatch(wanted: ExternalType, value: Any) -> str | None:
    """What is given instead, if it will not do."""
    if isinstance(value, Function):
        return None if value.type in (None, wanted) else f"a function {value.type}"
    if isinstance(value, Extern):
        return None if _matches(wanted, value) else f"{_article(value.type.kind)} {value.type}"
    if not callable(value):
        return f"{_article(type(value).__name__)} {type(value).__name__}: {reprlib.repr(value)}"
    if not isinstance(wanted, FunctionType):
        return "a Python function"
    for of in (*wanted.params, *wanted.results):
        if not known(of):
            return f"a Python function, which cannot have a {of}"
    return None


def _article(noun: str) -> str:
    return "an" if noun[:1] in "aeiou" else "a"


def _matches(wanted: ExternalType, value: Extern) -> bool:
    of = value.type
    match wanted, of:
        case (MemoryType(), MemoryType()):
            size = value.size if isinstance(value, Memory) and value._store else None
            shape = of.limits.is64, of.limits.shared, of.limits.page_size_log2
            same = shape == (
                wanted.limits.is64,
                wanted.limits.shared,
                wanted.limits.page_size_log2,
            )
            return same and _within(wanted.limits, of.limits, size)
        case (TableType(), TableType()):
            size = len(value) if isinstance(value, Table) and value._store else None
            same = wanted.element == of.element and wanted.limits.is64 == of.limits.is64
            return same and _within(wanted.limits, of.limits, size)
    return bool(wanted == of)


def _within(wanted: Limits, given: Limits, size: int | None) -> bool:
    if (given.minimum if size is None else size) < wanted.minimum:
        return False
    if wanted.maximum is None:
        return True
    return given.maximum is not None and given.maximum <= wanted.maximum


def _store(module: Module, given: list[tuple[Import, Any]]) -> Store:
    """The store of what is given, or a new one. Raises `LinkError`."""
    found: Store | None = None
    for wanted, value in given:
        store = value._store if isinstance(value, Function | Extern) else None
        if store is None:
            continue
        store.check_open()
        if store.engine is not module._engine:
            raise _link_error(
                module,
                [f"runs on {module.engine}, but {wanted} is given from {store.engine.name}"],
            )
        if found is not None and store is not found:
            raise _link_error(
                module, [f"imports {wanted} from an instance not linked to the others it is given"]
            )
        found = store
    return found or Store(module._engine)


def _item(store: Store, wanted: Import, value: Any) -> Item:
    if isinstance(value, Function):
        return value._item
    if isinstance(value, Extern):
        if value._store is None:
            value._bind(store, value._make(store))
        return value._item
    assert isinstance(wanted.type, FunctionType)
    what = str(wanted)
    asynchronous = inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(
        getattr(value, "__call__", None)  # noqa: B004 # an object with an asynchronous __call__
    )
    host = store.host(wanted.type, value, what, asynchronous)
    return store.items.function(wanted.type, host)
