"""The layers of the design: who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KERNEL = ("abi", "calls", "fs", "net", "proc", "kernel.py", "host.py", "system.py")
FACE = ("api", "cli", "web", "catalogue.py", "cache.py", "pump.py", "__init__.py", "__main__.py")

# What the kernel may need only where it is used: not every host has it.
NOT_AT_IMPORT = {"fcntl", "termios", "tty", "pty", "resource", "subprocess", "ctypes", "mmap"}


def sources(*parts: str) -> Iterator[Path]:
    for part in parts:
        path = ROOT / part
        yield from [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))


def imports(path: Path, *, top_level: bool = False) -> Iterator[str]:
    """Modules a file imports, absolute; with `top_level` only those it needs to be imported."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    inside = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only or (top_level and id(node) in inside):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_part_of_the_os_layer_is_kernel_or_face() -> None:
    parts = {path.name for path in (ROOT / "wasix").iterdir() if path.name != "__pycache__"}
    assert parts <= {*KERNEL, *FACE, "py.typed"}


@pytest.mark.parametrize(
    "path",
    list(sources(*(f"wasix/{part}" for part in KERNEL))),
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_the_kernel_needs_the_standard_library_only(path: Path) -> None:
    for name in imports(path):
        top = name.partition(".")[0]
        assert top in sys.stdlib_module_names or top == "wasix", f"{path} imports {name}"
        if top == "wasix":
            part = name.split(".")[1] if "." in name else ""
            assert part in {p.removesuffix(".py") for p in KERNEL}, f"{path} imports {name}"
    for name in imports(path, top_level=True):
        assert name not in NOT_AT_IMPORT, f"{path} cannot be imported where there is no {name}"


@pytest.mark.parametrize("path", list(sources("engines")), ids=lambda p: str(p.relative_to(ROOT)))
def test_engines_know_the_abi_and_nothing_else_of_the_os(path: Path) -> None:
    own = path.relative_to(ROOT / "engines").parts[0]
    shared = {
        *("artifacts", "asyncify", "backtrace", "child", "js", "nursery", "perf", "plain"),
        *("profile", "protocol", "spare", "teardown", "values", "wasm"),
    }
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "wasix" and own != "browser":
            assert parts[1:2] == ["abi"], f"{path} imports {name}"
        if parts[0] == "engines" and len(parts) > 1:
            assert parts[1] in shared | {own} or parts[1].isupper() or parts[1][0].isupper(), (
                f"{path} imports {name}"
            )


def test_importing_the_kernel_loads_no_engine_and_no_third_party_package() -> None:
    code = (
        "import sys, wasix.kernel\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(t for t in tops - set(sys.stdlib_module_names)"
        " if t not in ('wasix', '__main__') and not t.startswith('_')))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() in ("[]", "['sitecustomize']")
