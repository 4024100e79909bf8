"""Says what stands between a module and its host: the imports that the host cannot satisfy.

Every problem is found before anything is compiled, and each is one line that names the file, the
import and both types.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, TypeAlias

from engines.wasm.module import Module
from engines.wasm.types import FunctionType, Import, printable

Resolver: TypeAlias = Callable[[str, str], Sequence[FunctionType]]
"""`(module, name)` to the types under which the host offers that function, none if it does not."""

WASI_MODULES: Final = frozenset(
    ("wasi_unstable", "wasi_snapshot_preview1", "wasi", "wasix_32v1", "wasix_64v1")
)

WASI_SDK: Final = "build it with a WASI SDK instead"
WASIP1: Final = "build it for the target wasm32-wasip1"

# Modules that toolchains for other hosts import from: what that means and what to build instead.
FOREIGN_MODULES: Final = {
    "a": f"it looks like Emscripten's minified output for a web page ({WASI_SDK})",
    "env": (
        "symbols were left undefined when it was linked, or it was built with Emscripten for a web"
        f" page ({WASI_SDK})"
    ),
    "go": "it was built by Go with GOOS=js (build it with GOOS=wasip1)",
    "gojs": "it was built by Go with GOOS=js (build it with GOOS=wasip1)",
    "wbg": f"it was built by wasm-bindgen for JavaScript ({WASIP1})",
    "__wbindgen_placeholder__": f"it was built for wasm-bindgen and JavaScript ({WASIP1})",
}

# What only Emscripten imports from `env`: the surest sign that it is not a linking mistake.
EMSCRIPTEN_PREFIXES: Final = ("emscripten_", "_emscripten_", "__syscall_", "invoke_", "_embind_")
EMSCRIPTEN: Final = f"it was built with Emscripten for a web page ({WASI_SDK})"

COMPONENT_PREFIX: Final = "wasi:"
COMPONENT: Final = f"it was built for the component model, WASI 0.2 ({WASIP1})"

MOST_SHOWN: Final = 20


class LinkError(ValueError):
    """A module imports what the host does not offer.

    `problems` has a line for each; `summary` is the first line of the text.
    """

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            self.summary = self.problems[0]
            lines = [self.summary]
        else:
            self.summary = (
                f"{printable(file)} cannot run here: {len(self.problems)} problems with its imports"
            )
            lines = [self.summary, *self.problems[:MOST_SHOWN]]
            if len(self.problems) > MOST_SHOWN:
                lines.append(f"... and {len(self.problems) - MOST_SHOWN} more")
        super().__init__("\n".join(lines))


def is_memory(wanted: Import) -> bool:
    """Memories are made by whoever instantiates, to the type that the module asks for."""
    return wanted.kind == "memory"


def check_links(
    module: Module,
    resolve: Resolver,
    *,
    modules: Collection[str] = (),
    provided: Callable[[Import], bool] = is_memory,
) -> None:
    """Raise LinkError if there are `link_problems`."""
    problems = link_problems(module, resolve, modules=modules, provided=provided)
    if problems:
        raise LinkError(module.name, problems)


def link_problems(
    module: Module,
    resolve: Resolver,
    *,
    modules: Collection[str] = (),
    provided: Callable[[Import], bool] = is_memory,
) -> list[str]:
    """What the host lacks, one line each, in the order of the imports.

    `modules` are import modules of the host's own, beside WASI's: a function missing from one of
    these is named by itself, while a module that nobody knows is named once. `provided` says which
    imports the host will supply that `resolve` does not know.
    """
    known = WASI_MODULES | set(modules)
    problems: dict[str, None] = {}  # as an ordered set: the same import may stand there twice
    unknown: dict[str, list[Import]] = {}
    for wanted in module.imports:
        if not isinstance(wanted.type, FunctionType):
            if not provided(wanted):
                fault = f"imports {wanted} as {wanted.type}, which the host does not offer"
                problems[fault] = None
            continue
        offered = resolve(wanted.module, wanted.name)
        if wanted.type in offered or (not offered and provided(wanted)):
            continue
        if offered:
            types = " or ".join(dict.fromkeys(map(str, offered)))
            problems[f"imports {wanted} as {wanted.type}, but it is {types}"] = None
        elif wanted.module in WASI_MODULES:
            revisions = "no WASI or WASIX revision known here"
            problems[f"imports {wanted}, which {revisions} defines"] = None
        elif wanted.module in known:
            problems[f"imports {wanted} as {wanted.type}, which the host does not offer"] = None
        else:
            unknown.setdefault(wanted.module, []).append(wanted)
    problems.update(dict.fromkeys(_unknown_modules(unknown)))
    return [f"{printable(module.name)} {problem}" for problem in problems]


def _unknown_modules(unknown: dict[str, list[Import]]) -> Iterator[str]:
    for name, imports in unknown.items():
        first = imports[0]
        if len(imports) == 1:
            what = f"{first} as {first.type}"
        else:
            what = f"{len(imports)} functions from {printable(name)} ({first} as {first.type}, ...)"
        yield f"imports {what}: {_meaning(name, imports)}"


def _meaning(name: str, imports: list[Import]) -> str:
    if name.startswith(COMPONENT_PREFIX):
        return COMPONENT
    hint = FOREIGN_MODULES.get(name)
    if name == "env" and any(wanted.name.startswith(EMSCRIPTEN_PREFIXES) for wanted in imports):
        hint = EMSCRIPTEN
    known = f"{printable(name)} is no module of WASI, so this is not a WASI program"
    return f"{known}: {hint}" if hint else known
