"""Which engine `auto` takes, and what it leaves behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import engines
import wasix
from engines.artifacts import Artifacts
from engines.native.cranelift import build
from engines.protocol import Engine, EngineError
from engines.wasm import Module, decode
from wasix.api.auto import SMALL, choose

Wat = Callable[[str], str]

LARGE = f"""(module
  (memory (export "memory") 8)
  (data (i32.const 0) "{"x" * SMALL}")
  (func (export "_start")))"""


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def module(path: str) -> Module:
    return decode(Path(path).read_bytes(), path)


def without(*missing: str) -> Callable[[str], Engine]:
    def get(name: str) -> Engine:
        if name in missing:
            raise EngineError(f"no {name} here")
        return engines.get(name)

    return get


def test_a_small_module_is_compiled_at_once(wat: Wat, artifacts: Artifacts) -> None:
    small = wat('(module (memory (export "memory") 1) (func (export "_start")))')
    assert choose(module(small), artifacts).engine.name == "cranelift"


def test_a_large_one_starts_on_v8_until_its_code_is_kept(wat: Wat, artifacts: Artifacts) -> None:
    large = module(wat(LARGE))
    first = choose(large, artifacts)
    assert (first.engine.name, first.fill) == ("v8", "cranelift")
    engines.get("cranelift").prepare(large, artifacts)
    second = choose(large, artifacts)
    assert (second.engine.name, second.fill) == ("cranelift", None)


def test_without_one_engine_the_other_is_taken(
    wat: Wat, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = module(wat(LARGE))
    with monkeypatch.context() as patch:
        patch.setattr(build, "is_installed", lambda: False)
        alone = choose(large, artifacts, without("cranelift"))
    assert (alone.engine.name, alone.fill) == ("v8", None)
    assert choose(large, artifacts, without("v8")).engine.name == "cranelift"
    with pytest.raises(EngineError, match="here: no v8 here; no cranelift here; no jsc here"):
        choose(large, artifacts, without(*engines.ENGINES))


def test_a_program_that_may_have_threads_gets_an_engine_that_has_them(
    wat: Wat, artifacts: Artifacts
) -> None:
    class V8:
        name = "v8"
        abilities = engines.get("v8").abilities._replace(threads=False)
        features = staticmethod(engines.get("v8").features)

    def get(name: str) -> Engine:
        return V8() if name == "v8" else engines.get(name)  # type: ignore[return-value]

    threaded = LARGE.replace(
        '(memory (export "memory") 8)', '(memory (export "memory") 8 8 shared)'
    )
    assert choose(module(wat(threaded)), artifacts, get).engine.name == "cranelift"
    assert choose(module(wat(LARGE)), artifacts, get).engine.name == "v8"


def test_the_engines_of_child_processes_are_the_last_choice(wat: Wat, artifacts: Artifacts) -> None:
    class Jsc:
        name = "jsc"

    def get(name: str) -> Engine:
        if name == "jsc":
            return Jsc()  # type: ignore[return-value]  # never started
        raise EngineError(f"no {name} here")

    choice = choose(module(wat(LARGE)), artifacts, get)
    assert (choice.engine.name, choice.fill) == ("jsc", None)


def run(cache: Path, *args: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "wasix", "run", "-v", *args],
        env={"WASIX_CACHE": str(cache), "PATH": "/usr/bin:/bin", **environ},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def filled(cache: Path) -> list[str]:
    """The engines of the artifacts, once nobody is making one any more."""
    artifacts = Artifacts(cache / "artifacts")
    lock = next(artifacts.directory.glob(".lock-*"), None)
    while lock and lock.exists():
        pass
    return [artifact.key.partition("-")[0] for artifact in artifacts.all()]


def test_a_run_leaves_a_compiler_behind_for_the_next(wat: Wat, tmp_path: Path) -> None:
    program, cache = wat(LARGE), tmp_path / "cache"
    assert "running on v8" in run(cache, program)
    assert filled(cache) == ["cranelift"]
    assert "running on cranelift: its native code is in the cache" in run(cache, program)
    assert not list((cache / "artifacts").glob(".*")), "neither locks nor pieces are left"


def test_a_corrupted_artifact_is_made_again(wat: Wat, tmp_path: Path) -> None:
    program, cache = wat(LARGE), tmp_path / "cache"
    run(cache, "--engine", "cranelift", program)
    [artifact] = Artifacts(cache / "artifacts").all()
    good = artifact.path.read_bytes()
    damaged = bytearray(good)
    damaged[len(damaged) // 2] ^= 1
    artifact.path.write_bytes(damaged)
    run(cache, "--engine", "cranelift", program)
    assert artifact.path.read_bytes() == good


def test_a_foreign_artifact_is_made_again(wat: Wat, tmp_path: Path) -> None:
    program, cache = wat(LARGE), tmp_path / "cache"
    run(cache, "--engine", "cranelift", program)
    artifacts = Artifacts(cache / "artifacts")
    [artifact] = artifacts.all()
    good = artifact.path.read_bytes()
    # Its digest is right, and it is ours: only the engine can tell that it is of another build.
    foreign = artifacts.store(artifact.key, good[: len(good) // 2])
    assert "running on cranelift" in run(cache, program)
    [made] = artifacts.all()
    assert made.path.read_bytes() == good
    assert foreign
    assert not foreign.exists()


def test_nothing_is_left_behind_where_that_is_not_wanted(wat: Wat, tmp_path: Path) -> None:
    run(tmp_path / "cache", wat(LARGE), WASIX_BACKGROUND="0")
    assert filled(tmp_path / "cache") == []


def test_a_sandbox_may_forbid_it(wat: Wat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASIX_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("WASIX_BACKGROUND", raising=False)
    wasix.run([wat(LARGE)], background=False, check=True)
    assert filled(tmp_path / "cache") == []


def test_a_bad_limit_is_named(wat: Wat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASIX_CACHE_SIZE", "lots")
    with pytest.raises(wasix.UsageError, match="WASIX_CACHE_SIZE"):
        wasix.run([wat(LARGE)])
