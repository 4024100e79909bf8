"""Which of our modules run in a page: all that its kernel imports, at once or later."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

START = "wasix.web.page"
"""What the worker imports."""


def sources() -> dict[str, Path]:
    """Files of `START`, and of all modules of ours that it imports, by module name."""
    found: dict[str, Path] = {}
    names = [START]
    while names:
        name = names.pop()
        path = _file(name)
        if name in found or path is None:
            continue
        found[name] = path
        names += _imported(ast.parse(path.read_bytes(), path))
        names.append(name.rpartition(".")[0])
    return dict(sorted(found.items()))


def _file(name: str) -> Path | None:
    """None if it is not ours, or no module."""
    stem = name.replace(".", "/")
    files = (ROOT / f"{stem}/__init__.py", ROOT / f"{stem}.py")
    return next((file for file in files if name and file.exists()), None)


def _imported(node: ast.AST) -> Iterator[str]:
    """Names of modules, and of what is imported from them, which may be modules, too."""
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), names=names):
            yield module
            yield from (f"{module}.{alias.name}" for alias in names)
        case ast.If(test=ast.Name("TYPE_CHECKING"), orelse=orelse):
            for statement in orelse:
                yield from _imported(statement)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _imported(child)
