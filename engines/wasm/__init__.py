"""WebAssembly modules as bytes: decoding their sections, rewriting and linking them.

Every engine uses this; nothing here runs a module.
"""

from engines.wasm.decode import decode
from engines.wasm.features import features
from engines.wasm.link import LinkError, check_links, link_problems
from engines.wasm.module import Module, Section
from engines.wasm.reader import DecodeError
from engines.wasm.rewrite import (
    MemoryLimitError,
    add_export,
    clamp_memory,
    export_hidden,
    export_start,
    replace_sections,
    set_exports,
    set_imports,
)
from engines.wasm.tables import TableLimitError, clamp_tables, growable
from engines.wasm.types import (
    Export,
    FunctionType,
    GlobalType,
    Import,
    Limits,
    MemoryType,
    ReferenceType,
    TableType,
    TagType,
    ValueType,
)

__all__ = [
    "DecodeError",
    "Export",
    "FunctionType",
    "GlobalType",
    "Import",
    "Limits",
    "LinkError",
    "MemoryLimitError",
    "MemoryType",
    "Module",
    "ReferenceType",
    "Section",
    "TableLimitError",
    "TableType",
    "TagType",
    "ValueType",
    "add_export",
    "check_links",
    "clamp_memory",
    "clamp_tables",
    "decode",
    "export_hidden",
    "export_start",
    "features",
    "growable",
    "link_problems",
    "replace_sections",
    "set_exports",
    "set_imports",
]
