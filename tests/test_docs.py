"""The examples of docstrings and pages do what they say."""

from __future__ import annotations

import asyncio
import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import wasix
from docs import browsers

ROOT = Path(__file__).parents[1]
MODULES = ["wasix", *(f"wasix.api.{path.stem}" for path in (ROOT / "wasix/api").glob("[a-z]*.py"))]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"wasix": wasix, "asyncio": asyncio}
    failed, _ = doctest.testmod(importlib.import_module(name), extraglobs=names)
    assert not failed


def test_what_people_start_with_has_an_example() -> None:
    for name in (
        "Popen",
        "run",
        "Sandbox",
        "Files",
        "create_subprocess_exec",
        "run_async",
        "Trace",
    ):
        assert ">>> " in (inspect.getdoc(getattr(wasix, name)) or ""), name


def test_everything_public_is_documented() -> None:
    for name in wasix.__all__:
        value = getattr(wasix, name)
        if not callable(value):
            continue
        assert value.__doc__, name
        methods = inspect.getmembers(value, inspect.isfunction) if inspect.isclass(value) else []
        undocumented = [
            method
            for method, function in methods
            if not method.startswith("_")
            and function.__module__.startswith("wasix.api")
            and not inspect.getdoc(getattr(value, method))
        ]
        obvious = {"is_dir", "is_symlink", "put"}
        assert set(undocumented) <= obvious, (name, undocumented)


@pytest.mark.parametrize("page", ["README.md", "docs/api.md"])
def test_pages(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Python on a page runs; what a line prints stands behind it as a comment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    code = "".join(re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S))
    assert code
    exec(compile(code, page, "exec"), {"__name__": "example"})
    expected = re.findall(r"^ *print\(.*\)  # (.*)$", code, re.M)
    assert [line for line in capsys.readouterr().out.splitlines() if line] == expected


def test_browsers_that_were_not_run_keep_their_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "browsers.md"
    monkeypatch.setattr(browsers, "PATH", page)

    def see(**seen: tuple[str, str]) -> None:
        found = {
            f"{name} {version}": {"plain": {"start": answer, "fork": answer}}
            for name, (version, answer) in seen.items()
        }
        monkeypatch.setattr(browsers, "read", lambda: found)

    see(chromium=("150.1", "yes"), webkit=("2.50.6", "no: because"))
    page.write_text(browsers.render())
    text = page.read_text()
    assert "| | Chromium 150 | Chromium ?, isolated | Firefox ? |" in text
    assert "| programs fork | yes | ? | ? | ? | no: because | ? |" in text
    # A check is content where there are none, others, or the same.
    for seen in ({}, {"chromium": ("151.0", "no")}, {"chromium": ("150.2", "yes")}):
        see(**seen)
        assert browsers.render(check=True) == text
    see(chromium=("150.2", "no"))
    assert browsers.render(check=True) != text
    see(chromium=("151.0", "perhaps"))
    text = browsers.render()
    assert "| | Chromium 151 |" in text
    assert "| programs fork | perhaps | ? | ? | ? | no: because | ? |" in text
