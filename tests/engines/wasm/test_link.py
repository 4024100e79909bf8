"""What stands between a module and its host, in words."""

from collections.abc import Sequence

import pytest
import wasmtime

from engines.wasm import FunctionType, LinkError, Module, check_links, decode, link_problems

FD_READ = FunctionType.of(["i32", "i32", "i32", "i32"], ["i32"])
OFFERED: dict[tuple[str, str], list[FunctionType]] = {
    ("wasi_snapshot_preview1", "fd_read"): [FD_READ],
    ("wasix_32v1", "fd_read"): [FD_READ],
    ("wasix_32v1", "futex_wake"): [
        FunctionType.of(["i32", "i32"], ["i32"]),
        FunctionType.of(["i64", "i64"], ["i32"]),
        FunctionType.of(["i32", "i32"], ["i32"]),
    ],
}


def resolve(module: str, name: str) -> Sequence[FunctionType]:
    return OFFERED.get((module, name), [])


def importing(*imports: str, name: str = "a.wasm") -> Module:
    text = " ".join(f"(import {wanted})" for wanted in imports)
    return decode(wasmtime.wat2wasm(f"(module {text})"), name)


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (
            '"wasi_snapshot_preview1" "fd_read" (func (param i64) (result i32))',
            (
                "a.wasm imports wasi_snapshot_preview1.fd_read as (i64) -> (i32),"
                " but it is (i32, i32, i32, i32) -> (i32)"
            ),
        ),
        (
            '"wasix_32v1" "futex_wake" (func)',
            (
                "a.wasm imports wasix_32v1.futex_wake as () -> (),"
                " but it is (i32, i32) -> (i32) or (i64, i64) -> (i32)"
            ),
        ),
        (
            '"wasix_32v1" "proc_spawn9" (func (param i32))',
            (
                "a.wasm imports wasix_32v1.proc_spawn9,"
                " which no WASI or WASIX revision known here defines"
            ),
        ),
        (
            '"wasi_unstable" "fd_read" (func)',
            (
                "a.wasm imports wasi_unstable.fd_read,"
                " which no WASI or WASIX revision known here defines"
            ),
        ),
        (
            '"host" "log" (func (param i32 i64))',
            (
                "a.wasm imports host.log as (i32, i64) -> (): host is no module of WASI,"
                " so this is not a WASI program"
            ),
        ),
        (
            '"env" "emscripten_get_now" (func (result f64))',
            (
                "a.wasm imports env.emscripten_get_now as () -> (f64): env is no module of WASI,"
                " so this is not a WASI program: it was built with Emscripten for a web page"
                " (build it with a WASI SDK instead)"
            ),
        ),
        (
            '"env" "helper" (func)',
            (
                "a.wasm imports env.helper as () -> (): env is no module of WASI, so this is not a"
                " WASI program: symbols were left undefined when it was linked, or it was built"
                " with Emscripten for a web page (build it with a WASI SDK instead)"
            ),
        ),
        (
            '"gojs" "runtime.wasmExit" (func (param i32))',
            (
                "a.wasm imports gojs.runtime.wasmExit as (i32) -> (): gojs is no module of WASI, so"
                " this is not a WASI program: it was built by Go with GOOS=js (build it with"
                " GOOS=wasip1)"
            ),
        ),
        (
            '"wasi:cli/stdout@0.2.0" "get-stdout" (func (result i32))',
            (
                "a.wasm imports wasi:cli/stdout@0.2.0.get-stdout as () -> (i32): it was built"
                " for the component model, WASI 0.2 (build it for the target wasm32-wasip1)"
            ),
        ),
        (
            '"env" "__indirect_function_table" (table 1 funcref)',
            (
                "a.wasm imports env.__indirect_function_table as table 1 funcref,"
                " which the host does not offer"
            ),
        ),
        (
            '"env" "__stack_pointer" (global (mut i32))',
            "a.wasm imports env.__stack_pointer as global (mut i32), which the host does not offer",
        ),
        (
            '"env" "__cpp_exception" (tag (param i32))',
            "a.wasm imports env.__cpp_exception as tag (i32), which the host does not offer",
        ),
        (
            '"wasi_snapshot_preview1" "fd\\0a\\1b[2J" (func)',
            (
                "a.wasm imports wasi_snapshot_preview1.fd\\n\\x1b[2J,"
                " which no WASI or WASIX revision known here defines"
            ),
        ),
    ],
)
def test_a_problem_names_file_import_and_types(wanted: str, problem: str) -> None:
    assert link_problems(importing(wanted), resolve) == [problem]


@pytest.mark.parametrize(
    "wanted",
    [
        '"wasi_snapshot_preview1" "fd_read" (func (param i32 i32 i32 i32) (result i32))',
        '"wasix_32v1" "futex_wake" (func (param i32 i32) (result i32))',
        '"wasix_32v1" "futex_wake" (func (param i64 i64) (result i32))',
        '"env" "memory" (memory 1 2 shared)',
    ],
)
def test_what_the_host_offers_is_no_problem(wanted: str) -> None:
    module = importing(wanted)
    assert link_problems(module, resolve) == []
    check_links(module, resolve)


def test_a_module_nobody_knows_is_named_once() -> None:
    module = importing(*(f'"host" "f{index}" (func (param i32))' for index in range(30)))
    assert link_problems(module, resolve) == [
        (
            "a.wasm imports 30 functions from host (host.f0 as (i32) -> (), ...):"
            " host is no module of WASI, so this is not a WASI program"
        )
    ]


def test_modules_of_the_hosts_own_are_known_by_function() -> None:
    module = importing('"host" "log" (func)', '"host" "trace" (func (param i32))')
    assert link_problems(module, resolve, modules=["host"]) == [
        "a.wasm imports host.log as () -> (), which the host does not offer",
        "a.wasm imports host.trace as (i32) -> (), which the host does not offer",
    ]


def test_the_host_may_supply_more_than_memories() -> None:
    module = importing('"env" "t" (table 1 funcref)', '"env" "g" (global i32)')
    assert link_problems(module, resolve, provided=lambda wanted: wanted.name == "t") == [
        "a.wasm imports env.g as global i32, which the host does not offer"
    ]


def test_the_same_problem_is_named_once() -> None:
    module = importing('"wasix_32v1" "f" (func)', '"wasix_32v1" "f" (func)')
    assert len(link_problems(module, resolve)) == 1


def test_one_problem_is_the_whole_error() -> None:
    with pytest.raises(LinkError) as caught:
        check_links(importing('"wasix_32v1" "f" (func)'), resolve)
    (problem,) = caught.value.problems
    assert str(caught.value) == caught.value.summary == problem


def test_several_problems_have_a_summary_first() -> None:
    module = importing('"wasix_32v1" "f" (func)', '"wasix_32v1" "g" (func)', name="two.wasm")
    with pytest.raises(LinkError) as caught:
        check_links(module, resolve)
    error = caught.value
    assert error.summary == "two.wasm cannot run here: 2 problems with its imports"
    assert str(error).splitlines() == [error.summary, *error.problems]
    assert len(error.problems) == 2


def test_a_long_list_is_cut_in_the_text_only() -> None:
    module = importing(*(f'"wasix_32v1" "f{index}" (func)' for index in range(50)))
    with pytest.raises(LinkError) as caught:
        check_links(module, resolve)
    assert len(caught.value.problems) == 50
    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[-1] == "... and 30 more"
