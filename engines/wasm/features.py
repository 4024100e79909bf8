"""Which proposals beyond WebAssembly 1.0 a module needs, as far as its sections show.

Two witnesses are heard:

- the sections themselves: a shared memory needs `threads`, a second memory `multi-memory`;
- the custom section `target_features`, in which the toolchain lists what it was allowed to use. It
  may list more than the code contains, and modules that were stripped or written by hand lack it.

What neither can show, because only instructions do:

- `legacy-exceptions`: a tag is declared alike for `try`/`catch` and for `try_table`, and
  `target_features` has one name for both. `exceptions` stands for either. A module with `exnref`
  among its types is surely of the newer kind; nothing here is surely of the older;
- without `target_features`: `tail-call`, `relaxed-simd`, `sign-extension`, `nontrapping-fptoint`,
  `wide-arithmetic`, block types with several values, and SIMD, atomics, references and bulk memory
  operations that no type, memory or segment gives away.

So an engine that has all of these features may still refuse the module when it compiles it.
"""

from collections.abc import Iterator
from typing import Final

from engines.wasm.module import Module
from engines.wasm.reader import DecodeError, Reader
from engines.wasm.types import (
    FUNCREF,
    PAGE_SIZE_LOG2,
    V128,
    ArrayType,
    Feature,
    FunctionType,
    GlobalType,
    Limits,
    MemoryType,
    ReferenceType,
    StructType,
    TableType,
    ValueType,
)

# The names that LLVM and Binaryen write in `target_features`, and the proposals they belong to.
# Source: WebAssembly tool conventions, Linking.md, "Target Features Section".
TARGET_FEATURES: Final[dict[str, Feature]] = {
    "atomics": "threads",
    "bulk-memory": "bulk-memory",
    "bulk-memory-opt": "bulk-memory",
    "call-indirect-overlong": "reference-types",
    "compact-imports": "compact-imports",
    "custom-page-sizes": "custom-page-sizes",
    "exception-handling": "exceptions",
    "extended-const": "extended-const",
    "fp16": "half-precision",
    "gc": "gc",
    "memory64": "memory64",
    "multimemory": "multi-memory",
    "multivalue": "multi-value",
    "mutable-globals": "mutable-globals",
    "nontrapping-fptoint": "nontrapping-fptoint",
    "reference-types": "reference-types",
    "relaxed-simd": "relaxed-simd",
    "shared-everything": "shared-everything",
    "sign-ext": "sign-extension",
    "simd128": "simd",
    "stack-switching": "stack-switching",
    "tail-call": "tail-call",
    "wide-arithmetic": "wide-arithmetic",
}

# `+`: the feature is used; `=`, no longer written: it is required. `-` forbids it when linking.
USED_PREFIXES: Final = b"+="

PLAIN_REFERENCES: Final = frozenset(("func", "extern"))
EXCEPTION_REFERENCES: Final = frozenset(("exn", "noexn"))


def features(module: Module) -> frozenset[Feature]:
    """The proposals a module needs by its sections, or says it needs."""
    return section_features(module) | target_features(module)


def target_features(module: Module) -> frozenset[Feature]:
    """What the toolchain declared; names that are not known here are passed over.

    A damaged section is read up to the damage: custom sections never make a module invalid.
    """
    found: set[Feature] = set()
    for content in module.custom("target_features"):
        reader = Reader(content, module.name, 0, "target_features")
        try:
            for _ in range(reader.u32("a count")):
                prefix = reader.byte("a prefix")
                feature = TARGET_FEATURES.get(reader.name("a feature"))
                if feature is not None and prefix in USED_PREFIXES:
                    found.add(feature)
        except DecodeError:
            continue
    return frozenset(found)


def section_features(module: Module) -> frozenset[Feature]:
    """What the sections prove."""
    found: set[Feature] = set(module.encodings)
    if module.data_count is not None:
        found.add("bulk-memory")
    if len(module.index_space("memory")) > 1:
        found.add("multi-memory")
    if len(module.index_space("table")) > 1:
        found.add("reference-types")
    if module.index_space("tag"):
        found.add("exceptions")
    for sized in (*module.index_space("memory"), *module.index_space("table")):
        if isinstance(sized, MemoryType | TableType):
            found.update(_of_limits(sized.limits))
    for declared in module.types:
        if isinstance(declared, FunctionType) and len(declared.results) > 1:
            found.add("multi-value")
    outside = [wanted.type for wanted in module.imports]
    outside += [module.index_space(export.kind)[export.index] for export in module.exports]
    if any(isinstance(shared, GlobalType) and shared.mutable for shared in outside):
        found.add("mutable-globals")
    for used in set(_value_types(module)):
        found.update(_of_value(used))
    # A table of funcref has been there from the start.
    for table in module.index_space("table"):
        if isinstance(table, TableType) and table.element != FUNCREF:
            found.update(_of_value(table.element))
    return frozenset(found)


def _of_limits(limits: Limits) -> Iterator[Feature]:
    if limits.shared:
        yield "threads"
    if limits.is64:
        yield "memory64"
    if limits.page_size_log2 != PAGE_SIZE_LOG2:
        yield "custom-page-sizes"


def _value_types(module: Module) -> Iterator[ValueType]:
    """Every value type in the type section and of a global."""
    for declared in module.types:
        match declared:
            case FunctionType():
                yield from declared.params
                yield from declared.results
            case StructType():
                yield from (field.type for field in declared.fields)
            case ArrayType():
                yield declared.element.type
    for variable in module.index_space("global"):
        if isinstance(variable, GlobalType):
            yield variable.type


def _of_value(used: ValueType) -> Iterator[Feature]:
    if used == V128:
        yield "simd"
    if not isinstance(used, ReferenceType):
        return
    yield "reference-types"
    if used.heap in EXCEPTION_REFERENCES:
        yield "exceptions"
    elif isinstance(used.heap, int) or not used.nullable:
        yield "function-references"
    if isinstance(used.heap, str) and used.heap not in PLAIN_REFERENCES | EXCEPTION_REFERENCES:
        yield "gc"
