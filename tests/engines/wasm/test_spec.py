"""Every module of the specification's test suite does the same when it is instrumented.

`WASM_TESTSUITE` is the directory of the suite (https://github.com/WebAssembly/testsuite). A sample
of it that needs none runs in `test_meter.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

from engines.wasm import FunctionType, decode
from engines.wasm.meter import Meter, instrument
from tests.engines.wasm.wast import Form, parse, unquoted

SUITE = os.environ.get("WASM_TESTSUITE")
LOTS = 1 << 50

SPECTEST = """(module
  (global (export "global_i32") i32 (i32.const 666))
  (global (export "global_i64") i64 (i64.const 666))
  (global (export "global_f32") f32 (f32.const 666.6))
  (global (export "global_f64") f64 (f64.const 666.6))
  (table (export "table") 10 20 funcref) (table (export "table64") i64 10 20 funcref)
  (memory (export "memory") 1 2)
  (func (export "print")) (func (export "print_i32") (param i32))
  (func (export "print_i64") (param i64)) (func (export "print_f32") (param f32))
  (func (export "print_f64") (param f64)) (func (export "print_i32_f32") (param i32 f32))
  (func (export "print_f64_f64") (param f64 f64)))"""


def config() -> wasmtime.Config:
    made = wasmtime.Config()
    for feature in (
        *("bulk_memory", "custom_page_sizes", "exceptions", "function_references", "gc"),
        *("memory64", "multi_memory", "multi_value", "reference_types", "relaxed_simd", "simd"),
        *("tail_call", "threads", "wide_arithmetic"),
    ):
        setattr(made, f"wasm_{feature}", True)
    made.shared_memory = True
    made.max_wasm_stack = 128 << 10
    return made


ENGINE = wasmtime.Engine(config())

Prepare = Callable[[bytes], Meter]


def as_it_is(data: bytes) -> Meter:
    return Meter(decode(data), None, None, None)


def metered(data: bytes) -> Meter:
    return instrument(decode(data), fuel=True)


class Script:
    """Runs the commands of a script; `outcomes` are what its modules and actions came to."""

    def __init__(self, prepare: Prepare) -> None:
        self.prepare = prepare
        self.store = wasmtime.Store(ENGINE)
        self.linker = wasmtime.Linker(ENGINE)
        self.linker.allow_shadowing = True
        self.named: dict[str, tuple[wasmtime.Instance, bytes]] = {}
        self.definitions: dict[str, bytes] = {}
        self.current: tuple[wasmtime.Instance, bytes] | None = None
        self.outcomes: list[object] = []
        spectest = bytes(wasmtime.wat2wasm(SPECTEST))
        self.linker.define_instance(self.store, "spectest", self._instance(spectest))

    def run(self, command: Form) -> None:
        match command.head:
            case "module":
                self.outcomes.append(self._module(command))
            case "register":
                self._register(command)
            case "invoke" | "get":
                self.outcomes.append(self._action(command))
            case "assert_return" | "assert_trap" | "assert_exhaustion" | "assert_exception":
                action = next(command.forms())
                done = self._module if action.head == "module" else self._action
                self.outcomes.append(done(action))
            case "assert_unlinkable":
                self.outcomes.append(self._module(next(command.forms())))

    def _module(self, form: Form) -> object:
        words = [item for item in form.items[1:3] if isinstance(item, str)]
        if "instance" in words:
            data = self.definitions.get(form.word(3))
            name = form.word(2)
        else:
            data = assembled(form)
            name = next((word for word in words if word.startswith("$")), "")
        if data is None:
            self.current = None
            return "not assembled"
        if "definition" in words:
            self.definitions[name] = data
            return "defined"
        try:
            self.current = self._instance(data), data
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            return reason(error)
        if name:
            self.named[name] = self.current
        return "instantiated"

    def _instance(self, data: bytes) -> wasmtime.Instance:
        meter = self.prepare(data)
        instance = self.linker.instantiate(self.store, wasmtime.Module(ENGINE, meter.module.join()))
        exports = instance.exports(self.store)
        if meter.fuel is not None:
            variable = exports[meter.fuel]
            assert isinstance(variable, wasmtime.Global)
            variable.set_value(self.store, wasmtime.Val.i64(LOTS))
        if meter.start is not None:
            start = exports[meter.start]
            assert isinstance(start, wasmtime.Func)
            start(self.store)
        return instance

    def _register(self, form: Form) -> None:
        found = self.named.get(form.word(2)) if form.word(2) else self.current
        if found is None:
            return
        name = unquoted(form.word(1)).decode()
        for export, item in found[0].exports(self.store).items():
            self.linker.define(self.store, name, export, item)

    def _action(self, form: Form) -> object:
        given = form.word(1).startswith("$")
        found = self.named.get(form.word(1)) if given else self.current
        if found is None:
            return "no module"
        instance, data = found
        name = unquoted(form.word(1 + given)).decode("utf-8", "replace")
        exports = instance.exports(self.store)
        if form.head == "get":
            variable = exports[name]
            assert isinstance(variable, wasmtime.Global)
            return shown(variable.value(self.store))
        declared = decode(data).type_of_export(name)
        function = exports[name]
        assert isinstance(function, wasmtime.Func)
        assert isinstance(declared, FunctionType)
        arguments = " ".join(argument.text for argument in form.forms())
        driver = driving(declared, arguments)
        if driver is None:
            return "not callable from a module"
        try:
            module = wasmtime.Module(ENGINE, driver)
            run = wasmtime.Instance(self.store, module, [function]).exports(self.store)["run"]
            assert isinstance(run, wasmtime.Func)
            return shown(run(self.store))
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            return reason(error)


def assembled(form: Form) -> bytes | None:
    """The bytes of a module; None if wasmtime does not assemble it."""
    items = [item for item in form.items[1:] if not str(item).startswith("$")]
    items = [item for item in items if item != "definition"]
    kind = items[0] if items and isinstance(items[0], str) else ""
    strings = b"".join(unquoted(item) for item in items[1:] if isinstance(item, str))
    if kind == "binary":
        return strings
    text: str | bytes = form.text
    if kind == "quote":
        text = strings
    elif "definition" in form.items[1:3]:
        text = form.text.replace("definition", "", 1)
    try:
        return bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError:
        return None


_DRIVERS: dict[tuple[FunctionType, str], bytes | None] = {}


def driving(of: FunctionType, arguments: str) -> bytes | None:
    """A module whose `run` calls a function, and gives of its results what Python can tell."""
    if (of, arguments) not in _DRIVERS:
        _DRIVERS[of, arguments] = _driver(of, arguments)
    return _DRIVERS[of, arguments]


def _driver(of: FunctionType, arguments: str) -> bytes | None:
    if "ref.extern" in arguments or "ref.host" in arguments:
        return None
    results, after, types = [], [], []
    for place, result in enumerate(of.results):
        types.append(f"(local {result})" if "ref" not in result else f"(local {nullable(result)})")
        get = f"(local.get {place})"
        if result == "v128":
            results += ["i64", "i64"]
            after += [f"(i64x2.extract_lane {lane} {get})" for lane in (0, 1)]
        elif result in ("f32", "f64"):
            results.append(f"i{result[1:]}")
            after.append(f"(i{result[1:]}.reinterpret_{result} {get})")
        elif "ref" in result:
            results.append("i32")
            after.append(f"(ref.is_null {get})")
        else:
            results.append(result)
            after.append(get)
    sets = " ".join(f"(local.set {place})" for place in reversed(range(len(of.results))))
    params = " ".join(of.params)
    text = f"""(module (import "m" "f" (func $f (param {params}) (result {" ".join(of.results)})))
      (func (export "run") (result {" ".join(results)}) {" ".join(types)}
        {arguments} (call $f) {sets} {" ".join(after)}))"""
    try:
        return bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError:
        return None


def nullable(reference: str) -> str:
    if reference.startswith("(ref ") and not reference.startswith("(ref null "):
        return "(ref null " + reference[5:]
    return reference


def reason(error: Exception) -> str:
    """Why it failed, without what tells where."""
    text = str(error)
    for line in reversed(text.splitlines()):
        if "wasm trap: " in line:
            return line.partition("wasm trap: ")[2]
    return "failed: " + text.strip().splitlines()[0]


def shown(value: object) -> object:
    return value if isinstance(value, int | float | list) else str(type(value))


# No engine here has it.
UNKNOWN = "custom-descriptors"

UNFUELLED = {
    "linking": "calls functions of a module whose instantiation failed, which have no fuel",
    "linking0": "likewise",
}


def scripts() -> list[Path]:
    found = sorted(Path(SUITE).rglob("*.wast")) if SUITE else []
    return [path for path in found if path.parent.name != UNKNOWN]


@pytest.mark.skipif(SUITE is None, reason="WASM_TESTSUITE is not set")
@pytest.mark.parametrize("path", scripts(), ids=lambda path: str(path.stem))
def test_a_script_comes_to_the_same(path: Path) -> None:
    if path.stem in UNFUELLED:
        pytest.skip(UNFUELLED[path.stem])
    commands = parse(path.read_text(encoding="utf-8", errors="surrogateescape"))
    plain, counted = Script(as_it_is), Script(metered)
    for command in commands:
        for script in (plain, counted):
            script.run(command)
        assert counted.outcomes[-1:] == plain.outcomes[-1:], command.text[:500]
