"""The types of a WebAssembly module as its sections declare them.

Every type prints in the notation of the text format, as short as it can be read: a function as
`(i32, i64) -> (i32)`, a memory as `memory 1 256 shared`, a mutable global as `global (mut i32)`.

Source: WebAssembly Core Specification 3.0, §2.3 (types).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self, TypeAlias

Kind: TypeAlias = Literal["function", "table", "memory", "global", "tag"]
"""What an import or an export is: one of the five index spaces."""

Feature: TypeAlias = Literal[
    "bulk-memory",
    "compact-imports",
    "custom-page-sizes",
    "exceptions",
    "extended-const",
    "function-references",
    "gc",
    "half-precision",
    "legacy-exceptions",
    "memory64",
    "multi-memory",
    "multi-value",
    "mutable-globals",
    "nontrapping-fptoint",
    "reference-types",
    "relaxed-simd",
    "shared-everything",
    "sign-extension",
    "simd",
    "stack-switching",
    "tail-call",
    "threads",
    "wide-arithmetic",
]
"""A proposal beyond WebAssembly 1.0."""

PAGE_SIZE_LOG2 = 16
"""A page is 64 KiB unless the memory says otherwise (custom-page-sizes)."""


class ValueType(str):
    """A value type, by its name in the text format: `i32`, `v128`, `externref`, `(ref null 3)`.

    It is a string so that a host may declare its functions in plain names and still compare equal.
    """

    __slots__ = ()


class ReferenceType(ValueType):
    """A reference: `heap` is an abstract heap type (`func`, `extern`, `any`...) or a type index.

    A type index means something only inside the module that declares it.
    """

    nullable: bool
    heap: str | int

    def __new__(cls, heap: str | int, nullable: bool = True) -> Self:
        short = SHORT_REFERENCES.get(heap) if nullable else None
        text = super().__new__(cls, short or f"(ref {'null ' if nullable else ''}{heap})")
        text.heap = heap
        text.nullable = nullable
        return text

    def __reduce__(self) -> tuple[type["ReferenceType"], tuple[str | int, bool]]:
        return ReferenceType, (self.heap, self.nullable)


SHORT_REFERENCES: dict[str | int, str] = {
    "func": "funcref",
    "extern": "externref",
    "any": "anyref",
    "eq": "eqref",
    "i31": "i31ref",
    "struct": "structref",
    "array": "arrayref",
    "exn": "exnref",
    "none": "nullref",
    "nofunc": "nullfuncref",
    "noextern": "nullexternref",
    "noexn": "nullexnref",
}

I32 = ValueType("i32")
I64 = ValueType("i64")
F32 = ValueType("f32")
F64 = ValueType("f64")
V128 = ValueType("v128")
FUNCREF = ReferenceType("func")
EXTERNREF = ReferenceType("extern")
EXNREF = ReferenceType("exn")


class FunctionType(NamedTuple):
    """The parameters and results of a function."""

    params: tuple[ValueType, ...]
    results: tuple[ValueType, ...]

    @property
    def kind(self) -> Kind:
        return "function"

    @classmethod
    def of(cls, params: Iterable[str], results: Iterable[str] = ()) -> "FunctionType":
        """A function type from plain names: `FunctionType.of(["i32", "i64"], ["i32"])`."""
        return cls(tuple(map(ValueType, params)), tuple(map(ValueType, results)))

    def __str__(self) -> str:
        return f"({', '.join(self.params)}) -> ({', '.join(self.results)})"


class Field(NamedTuple):
    """A field of a struct or array: a value type, or the packed `i8` or `i16`."""

    type: ValueType
    mutable: bool

    def __str__(self) -> str:
        return f"(mut {self.type})" if self.mutable else self.type


class StructType(NamedTuple):
    """A garbage-collected struct."""

    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return f"struct ({', '.join(map(str, self.fields))})"


class ArrayType(NamedTuple):
    """A garbage-collected array."""

    element: Field

    def __str__(self) -> str:
        return f"array {self.element}"


CompositeType: TypeAlias = FunctionType | StructType | ArrayType
"""An entry of the type section. Subtyping and recursion groups are read over, not kept."""


class Limits(NamedTuple):
    """The size of a memory (in pages) or table (in elements).

    `shared`, and a page size other than 2**16 bytes, are for memories only. `maximum` is None
    where the module declares none.
    """

    minimum: int
    maximum: int | None = None
    shared: bool = False
    is64: bool = False
    page_size_log2: int = PAGE_SIZE_LOG2

    def __str__(self) -> str:
        words = ["i64"] if self.is64 else []
        words.append(str(self.minimum))
        if self.maximum is not None:
            words.append(str(self.maximum))
        if self.shared:
            words.append("shared")
        if self.page_size_log2 != PAGE_SIZE_LOG2:
            words.append(f"(pagesize {1 << self.page_size_log2})")
        return " ".join(words)


class MemoryType(NamedTuple):
    """A linear memory."""

    limits: Limits

    @property
    def kind(self) -> Kind:
        return "memory"

    @property
    def page_size(self) -> int:
        """Bytes in a page."""
        return 1 << self.limits.page_size_log2

    @property
    def most_pages(self) -> int:
        """The most pages the address type allows, whatever the limits say (§3.2.14)."""
        bits = 64 if self.limits.is64 else 32
        # A size in pages must itself fit the address type: 2**32 pages of one byte do not.
        return min(1 << bits >> self.limits.page_size_log2, (1 << bits) - 1)

    @property
    def minimum_bytes(self) -> int:
        """Bytes the memory takes when it is made."""
        return self.limits.minimum << self.limits.page_size_log2

    @property
    def maximum_bytes(self) -> int:
        """Bytes the memory can grow to: what is declared, else what its address type allows."""
        pages = self.limits.maximum
        return (self.most_pages if pages is None else pages) << self.limits.page_size_log2

    def __str__(self) -> str:
        return f"memory {self.limits}"


class TableType(NamedTuple):
    """A table of references."""

    element: ReferenceType
    limits: Limits

    @property
    def kind(self) -> Kind:
        return "table"

    def __str__(self) -> str:
        return f"table {self.limits} {self.element}"


class GlobalType(NamedTuple):
    """A global variable."""

    type: ValueType
    mutable: bool

    @property
    def kind(self) -> Kind:
        return "global"

    def __str__(self) -> str:
        return f"global (mut {self.type})" if self.mutable else f"global {self.type}"


class TagType(NamedTuple):
    """An exception tag: the parameters of its type are what a thrown exception carries."""

    type: FunctionType

    @property
    def kind(self) -> Kind:
        return "tag"

    def __str__(self) -> str:
        return f"tag ({', '.join(self.type.params)})"


ExternalType: TypeAlias = FunctionType | TableType | MemoryType | GlobalType | TagType
"""The type of something imported or exported."""


class Import(NamedTuple):
    """Something a module wants from its host.

    `type_index` is where the type section declares the type of a function or tag, else None: two
    entries may look alike and still be different types (§3.3, recursive types).
    """

    module: str
    name: str
    type: ExternalType
    type_index: int | None = None

    @property
    def kind(self) -> Kind:
        return self.type.kind

    def __str__(self) -> str:
        """`module.name`, safe to print."""
        return f"{printable(self.module)}.{printable(self.name)}"


@dataclass(frozen=True, slots=True)
class Export:
    """Something a module offers: `index` counts in the index space `kind`, imports first."""

    name: str
    kind: Kind
    index: int


LONGEST_PRINTED = 200


def printable(text: str) -> str:
    """A name out of a module as part of one line on a terminal.

    Names are the guest's: control characters are escaped and long names cut.
    """
    if len(text) > LONGEST_PRINTED:
        text = text[:LONGEST_PRINTED] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
