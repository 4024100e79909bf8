"""Pages that a bundle is given: what templates see, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_run import wasix
from wasix.api.errors import UsageError
from wasix.web.build import WEB
from wasix.web.pages import render, templates, write

PROGRAMS = {"cowsay": {"title": "cowsay", "size": 1058629}}


def test_a_page_extends_the_bundles_and_shows_its_own_text(tmp_path: Path) -> None:
    folder, bundle = tmp_path / "mine", tmp_path / "bundle"
    folder.mkdir()
    bundle.mkdir()
    (folder / "_all.j2").write_text(
        '{% extends "base.html.j2" %}{% block scripts %}<script src="{{ name }}.js"></script>'
        "{% endblock %}{% block body %}{% block own %}{% endblock %}{% endblock %}"
    )
    (folder / "one.html.j2").write_text(
        '{% extends "_all.j2" %}{% block own %}{{ pages | join(" ") }} {{ programs.cowsay.title }}'
        '<pre>{{ source("one.js") }}</pre>{% endblock %}'
    )
    (folder / "one.js").write_text("if (1 < 2) {{ 3 }}")
    (folder / "two.html.j2").write_text("{{ root }}")
    bundled: list[tuple[list[Path], Path]] = []
    found = templates(folder)
    write(found, bundle, WEB, PROGRAMS, lambda files, place: bundled.append(([*files], place)))
    one = (bundle / "mine" / "one.html").read_text()
    assert '<script type="module" src="../loader.js">' in one
    assert '<script src="one.js">' in one
    assert "one two cowsay<pre>if (1 &lt; 2) {{ 3 }}</pre>" in one
    assert (bundle / "mine" / "two.html").read_text() == "../"
    assert bundled == [([folder / "one.js"], bundle / "mine")]


def test_a_folder_called_as_a_part_of_the_bundle_is_refused(tmp_path: Path) -> None:
    folder, bundle = tmp_path / "assets", tmp_path / "bundle"
    (bundle / "assets").mkdir(parents=True)
    folder.mkdir()
    (folder / "one.html.j2").write_text("")
    with pytest.raises(UsageError, match="rename the folder"):
        write(templates(folder), bundle, WEB, {}, lambda files, place: None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n{% if %}", "one.html.j2, line 2: "),
        ("{{ nosuch }}", "'nosuch' is undefined"),
        ('{{ source("gone.js") }}', "gone.js"),
        ('{% extends "gone.j2" %}', "gone.j2"),
    ],
)
def test_what_is_wrong_with_a_template_is_told(tmp_path: Path, text: str, reason: str) -> None:
    page = tmp_path / "one.html.j2"
    page.write_text(text)
    with pytest.raises(UsageError) as caught:
        render(page, WEB, name="one")
    assert str(caught.value).startswith(str(page))
    assert reason in str(caught.value)


def test_a_folder_without_pages_is_told(tmp_path: Path) -> None:
    done = wasix("web", "build", "--pages", str(tmp_path), str(tmp_path / "site"))
    assert done.returncode == 2
    assert f"{tmp_path} holds no page" in done.stderr
    assert not (tmp_path / "site").exists()
