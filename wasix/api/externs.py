"""Memories, globals and tables: what instances export, and what a host makes for them to import."""

from __future__ import annotations

from struct import calcsize
from typing import Any, ClassVar, Literal

from engines.plain import Item, Refused
from engines.values import known
from engines.wasm import GlobalType, Limits, MemoryType, ReferenceType, TableType, ValueType
from wasix.api.errors import UsageError
from wasix.api.store import Store

_TYPED: dict[str, Literal["b", "B", "h", "H", "i", "I", "q", "Q", "f", "d"]] = {
    "i8": "b",
    "u8": "B",
    "i16": "h",
    "u16": "H",
    "i32": "i",
    "u32": "I",
}
_TYPED |= {"i64": "q", "u64": "Q", "f32": "f", "f64": "d"}
_VALUES = {"i32", "i64", "f32", "f64", "v128", "funcref", "externref"}


class Extern:
    """Something that instances share. It is nothing yet until an instance has it."""

    _kind: ClassVar[str]

    def __init__(self, of: Any) -> None:
        self._of = of
        self._store: Store | None = None
        self._item: Item = None

    @property
    def type(self) -> Any:
        """Its type, as the module that made it declares it."""
        return self._of

    def _bind(self, store: Store, item: Item) -> Any:
        self._store, self._item = store, item
        return self

    def _open(self) -> Store:
        store = self._store
        if store is None:
            raise UsageError(f"this {self._kind} is in no instance yet")
        return store

    def _make(self, store: Store) -> Item:
        """Make it in a store. Raises `Refused`."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._of}>"


class Memory(Extern):
    """A linear memory, sizes in pages of 64 KiB. One that is made here is empty until it is given
    to an instance.

        >>> module = wasix.Module(bytes.fromhex(
        ...     "0061736d01000000020c0103656e76036d656d020001"))
        >>> memory = wasix.Memory(1, 4)
        >>> with wasix.Instance(module, {"env": {"mem": memory}}):
        ...     memory.view()[8:12] = b"wasm"
        ...     memory.typed("u32")[2] == 0x6D736177, memory.grow(1), memory.size
        (True, 1, 2)
    """

    _kind = "memory"

    def __init__(self, minimum: int, maximum: int | None = None, *, shared: bool = False) -> None:
        most = 1 << 16
        if not 0 <= minimum <= (most if maximum is None else maximum) <= most:
            raise UsageError(f"a memory of {minimum} to {maximum} pages cannot be")
        if shared and maximum is None:
            raise UsageError("a shared memory needs a maximum")
        super().__init__(MemoryType(Limits(minimum, maximum, shared)))

    @classmethod
    def _of_type(cls, of: MemoryType) -> Memory:
        found = cls.__new__(cls)
        Extern.__init__(found, of)
        return found

    def _make(self, store: Store) -> Item:
        return store.items.memory(self._of)

    @property
    def size(self) -> int:
        """Pages it has now."""
        store = self._open()
        with store.using():
            return store.items.pages(self._item)

    def view(self) -> memoryview:
        """All its bytes, to read and write, as long as it is now.

        When memory grows, views taken before stay valid for the bytes they had: take a new one for
        the rest. A view keeps memory alive, even that of an instance that is closed.
        """
        store = self._open()
        with store.using():
            return store.items.bytes(self._item)

    def typed(self, element: str) -> memoryview[Any]:
        """`view()` as elements: `i8`, `u8`, ... `i64`, `u64`, `f32` or `f64`, in this machine's
        byte order (which is the guest's, little-endian, wherever an engine runs)."""
        if element not in _TYPED:
            raise UsageError(f"there are no {element} elements; known: {', '.join(_TYPED)}")
        view, code = self.view(), _TYPED[element]
        whole = len(view) // calcsize(code) * calcsize(code)
        typed: memoryview[Any] = view[:whole].cast(code)
        return typed

    def grow(self, pages: int) -> int:
        """Add pages; how many there were before. Raises `MemoryError` if there cannot be more."""
        store = self._open()
        if pages < 0:
            raise UsageError("a memory cannot shrink")
        with store.using():
            before = store.items.grow_memory(self._item, pages) if pages < 1 << 48 else -1
        if before < 0:
            raise MemoryError(f"the memory cannot grow by {pages} pages")
        return before


class Global(Extern):
    """A global variable. `type` is `i32`, `i64`, `f32`, `f64`, `funcref` or `externref`.

    >>> wasix.Global("i32", 7, mutable=True)
    <Global: global (mut i32)>
    """

    _kind = "global"

    def __init__(self, type: str, value: Any = 0, *, mutable: bool = False) -> None:  # noqa: A002 # its name
        super().__init__(GlobalType(_value_type(type), mutable))
        self._initial = None if isinstance(self._of.type, ReferenceType) and value == 0 else value

    @classmethod
    def _of_type(cls, of: GlobalType) -> Global:
        found = cls.__new__(cls)
        Extern.__init__(found, of)
        return found

    def _make(self, store: Store) -> Item:
        frame = store.items.frame(1)
        store.values([self._of.type]).put(frame.slots, (self._initial,), "a global")
        return store.items.variable(self._of, frame.slots)

    @property
    def value(self) -> Any:
        """What it holds now. Setting it raises `TypeError` if it is not mutable."""
        store = self._open()
        if not known(self._of.type):
            raise TypeError(f"Python has no value for {self._of.type}")
        with store.using():
            frame = store.items.frame(1)
            store.items.load(self._item, self._of, frame.slots)
            return store.values([self._of.type]).take(frame.slots)[0]

    @value.setter
    def value(self, value: Any) -> None:
        store = self._open()
        if not self._of.mutable:
            raise TypeError("this global is not mutable")
        if not known(self._of.type):
            raise TypeError(f"Python has no value for {self._of.type}")
        with store.using():
            frame = store.items.frame(1)
            store.values([self._of.type]).put(frame.slots, (value,), "a global")
            store.items.save(self._item, self._of, frame.slots)


class Table(Extern):
    """A table of functions (`funcref`) or any objects (`externref`), with None where it is empty.

    >>> wasix.Table("externref", 2)
    <Table: table 2 externref>
    """

    _kind = "table"

    def __init__(self, element: str, minimum: int, maximum: int | None = None) -> None:
        of = _value_type(element)
        if not isinstance(of, ReferenceType):
            raise UsageError(f"a table holds funcref or externref, not {element}")
        most = (1 << 32) - 1
        if not 0 <= minimum <= (most if maximum is None else maximum) <= most:
            raise UsageError(f"a table of {minimum} to {maximum} elements cannot be")
        super().__init__(TableType(of, Limits(minimum, maximum)))

    @classmethod
    def _of_type(cls, of: TableType) -> Table:
        found = cls.__new__(cls)
        Extern.__init__(found, of)
        return found

    def _make(self, store: Store) -> Item:
        return store.items.table(self._of)

    def __len__(self) -> int:
        store = self._open()
        with store.using():
            return store.items.table_size(self._item)

    def get(self, index: int) -> Any:
        """The element at `index`. Raises `IndexError`."""
        store, values = self._element()
        with store.using():
            self._check(index)
            frame = store.items.frame(1)
            reference = store.items.table_get(self._item, self._of, index)
            frame.slots[:8] = reference.to_bytes(8, "little")
            return values.take(frame.slots)[0]

    def set(self, index: int, value: Any) -> None:
        """Put `value` at `index`. Raises `IndexError` or `TypeError`."""
        store, values = self._element()
        with store.using():
            self._check(index)
            store.items.table_set(self._item, self._of, index, self._given(store, values, value))

    def grow(self, count: int, value: Any = None) -> int:
        """Add elements; how many there were before. Raises `MemoryError` if it cannot."""
        store, values = self._element()
        if count < 0:
            raise UsageError("a table cannot shrink")
        with store.using():
            reference = self._given(store, values, value)
            fits = count < 1 << 32
            before = store.items.grow_table(self._item, self._of, count, reference) if fits else -1
        if before < 0:
            raise MemoryError(f"the table cannot grow by {count} elements")
        return before

    def _element(self) -> tuple[Store, Any]:
        store = self._open()
        if not known(self._of.element):
            raise TypeError(f"Python has no value for {self._of.element}")
        return store, store.values([self._of.element])

    def _given(self, store: Store, values: Any, value: Any) -> int:
        slots = store.items.frame(1).slots
        values.put(slots, (value,), "a table")
        return int.from_bytes(slots[:8], "little")

    def _check(self, index: int) -> None:
        if not 0 <= index < len(self):
            raise IndexError(f"the table has {len(self)} elements, and none is {index}")


class Tag(Extern):
    """A tag of exceptions. Instances can share it; Python does nothing with it."""

    _kind = "tag"

    @classmethod
    def _of_type(cls, of: Any) -> Tag:
        found = cls.__new__(cls)
        Extern.__init__(found, of)
        return found

    def _make(self, store: Store) -> Item:
        raise Refused("a host makes no tags")


def _value_type(name: str) -> ValueType:
    if name not in _VALUES:
        raise UsageError(f"there is no value type {name!r}; known: {', '.join(sorted(_VALUES))}")
    if name == "funcref":
        return ReferenceType("func")
    return ReferenceType("extern") if name == "externref" else ValueType(name)
