"""Run by `pack.mjs` inside Pyodide, which has started from the library with the kernel in it.

What the kernel needs of it is written to `/packed.zip`, compiled. The value is the list of modules
that were packed and not loaded by start-up.
"""

import importlib
import sys

# By the standard library at moments that packing does not see.
LATE = ["encodings.ascii", "encodings.latin_1"]


def load(names):
    """Import these; the modules that are loaded then."""
    for name in names:
        importlib.import_module(name)
    return list(sys.modules.values())


def pack(modules):
    # These are needed here only.
    import importlib.util
    import zipfile
    from importlib._bootstrap_external import _code_to_hash_pyc  # what py_compile itself uses

    archive = next(path for path in sys.path if path.endswith(".zip"))
    with zipfile.ZipFile(archive) as library, zipfile.ZipFile("/packed.zip", "w") as packed:
        files = {getattr(module, "__file__", None) or "" for module in modules}
        paths = {file.removeprefix(f"{archive}/") for file in files}
        # Others are part of the interpreter.
        for path in sorted(paths.intersection(library.namelist())):
            source = library.read(path)
            code = compile(source, path, "exec", dont_inherit=True, optimize=2)
            data = _code_to_hash_pyc(code, importlib.util.source_hash(source), checked=False)
            # A fixed date: the archive's name is a hash of its content.
            packed.writestr(zipfile.ZipInfo(f"{path}c"), data)


names = [*LATE, *kernel]  # noqa: F821 - a global, given by `pack.mjs`
pack(load(names))
names  # noqa: B018 - what running this gives
