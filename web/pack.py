"""Run by `pack.mjs` inside Pyodide: `/kernel` and what it needs, compiled, to `/packed.zip`.

Its value is the list of all modules that were packed but not loaded by start-up.
"""

import importlib
import importlib.util
import pathlib
import sys
import zipfile
from importlib._bootstrap_external import _code_to_hash_pyc  # what py_compile itself uses

KERNEL = pathlib.Path("/kernel")
STDLIB = next(path for path in sys.path if path.endswith(".zip"))

# Loaded by start-up and by the standard library at moments that packing does not see.
EXTRA = ["encodings.ascii", "encodings.latin_1"]


def load_everything():
    """Import every module of the kernel, so that all they need is in `sys.modules`."""
    sys.path.insert(0, str(KERNEL))
    names = list(EXTRA)
    for path in sorted(KERNEL.rglob("*.py")):
        parts = path.relative_to(KERNEL).with_suffix("").parts
        names.append(".".join(part for part in parts if part != "__init__"))
    for name in names:
        importlib.import_module(name)
    return names


def files():
    """(path in the archive, source or compiled bytes) of every loaded module."""
    library = zipfile.ZipFile(STDLIB)
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if file.startswith(f"{STDLIB}/"):
            path = file.removeprefix(f"{STDLIB}/")
            yield path, library.read(path)
    for path in KERNEL.rglob("*.py"):
        yield str(path.relative_to(KERNEL)), path.read_bytes()


modules = load_everything()
with zipfile.ZipFile("/packed.zip", "w", zipfile.ZIP_STORED) as packed:
    for path, data in sorted(dict(files()).items()):
        if path.endswith(".py"):
            code = compile(data, path, "exec", dont_inherit=True, optimize=2)
            data = _code_to_hash_pyc(code, importlib.util.source_hash(data), checked=False)
            path += "c"
        # A fixed date: the archive's name is a hash of its content.
        packed.writestr(zipfile.ZipInfo(path), data)
modules  # noqa: B018 - what running this gives
