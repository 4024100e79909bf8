"""What every test may use: the engines, guests compiled from WebAssembly text, and a kernel."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import engines
from engines.protocol import EngineError
from tests import selection
from wasix import catalogue

# No test asserts on time.
settings.register_profile("wasix", deadline=None)
settings.load_profile("wasix")

ENGINES = tuple(engines.ENGINES)
PLAIN = tuple(engines.PLAIN)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Every engine by name, one after the other; `tests.selection` says which take part."""
    return _usable(request)


@pytest.fixture(params=PLAIN)
def on(request: pytest.FixtureRequest) -> str:
    """The same for plain modules."""
    return _usable(request)


def _usable(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name not in selection.ALWAYS:
        try:
            engines.get(name)
        except EngineError as error:
            pytest.skip(str(error))
    if reason := selection.reason_to_skip(name, request.node.name):
        pytest.skip(reason)
    return name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        call = getattr(item, "callspec", None)
        name = call.params.get("engine", call.params.get("on")) if call else None
        part = name not in ENGINES or selection.runs(name, item.nodeid)
        (chosen if part else others).append(item)
    items[:] = chosen
    if others:
        config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="session", autouse=True)
def cache_inside_the_checkout() -> Iterator[None]:
    """Programs are fetched once a checkout, whatever the user's own cache holds."""
    before = os.environ.get("WASIX_CACHE")
    place = Path(__file__).parents[1] / "build" / "cache"
    os.environ["WASIX_CACHE"] = str(place)
    os.environ["WASIX_BACKGROUND"] = "0"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for program in catalogue.PROGRAMS.values():
            catalogue.fetch(program)
    yield
    if before is None:
        del os.environ["WASIX_CACHE"]
    else:
        os.environ["WASIX_CACHE"] = before


@pytest.fixture
def wat(tmp_path: Path) -> Callable[[str], str]:
    """Assembles WebAssembly text; gives the path of a `.wasm` file called `guest.wasm`."""
    import wasmtime

    def assemble(text: str, name: str = "guest.wasm") -> str:
        path = tmp_path / name
        path.write_bytes(wasmtime.wat2wasm(text))
        return str(path)

    return assemble
