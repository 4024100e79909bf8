"""Pages of a bundle: Jinja2 templates, each with a script of its own if it has one.

`NAME.html.j2` becomes `NAME.html`, and `NAME.js` beside it is bundled with what it imports, but for
`../loader.js`, which is the bundle's. Templates may extend `base.html.j2`, which the bundle's own
page is made from, too, and are given

- `root`: where the bundle is, from the page: empty or ending in a slash;
- `programs`: those of the bundle, by name: `title`, `size` in bytes, ...;
- `pages`: names of the pages in their folder;
- `source(FILE)`: the text of a file beside the template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from wasix.api.errors import UsageError

SUFFIX = ".html.j2"

Bundler = Callable[[Sequence[Path], Path], None]
"""Bundles scripts into a directory, where they keep their names."""


def templates(folder: Path) -> list[Path]:
    """The pages of a folder; what begins with `_` is for them to extend. Raises `UsageError`."""
    found = sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("_"))
    if not found:
        raise UsageError(f"{folder} holds no page: name a folder with files called NAME{SUFFIX}")
    return found


def render(template: Path, web: Path, **values: Any) -> str:
    """The text of a page. `web` is where shared templates are. Raises `UsageError`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, web]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

    def source(name: str) -> str:
        return (template.parent / name).read_text()

    try:
        return environment.get_template(template.name).render(source=source, **values)
    except jinja2.TemplateSyntaxError as error:
        where = f"{error.name}, line {error.lineno}"
        raise UsageError(f"{template}: {where}: {error.message}") from None
    except (jinja2.TemplateError, OSError) as error:
        raise UsageError(f"{template}: {error}") from None


def write(
    pages: Sequence[Path], bundle: Path, web: Path, programs: Mapping[str, Any], bundled: Bundler
) -> None:
    """Make pages, all of one folder, in a directory of the bundle that is called as the folder."""
    names = [page.name.removesuffix(SUFFIX) for page in pages]
    place = bundle / pages[0].parent.name
    if place.exists():
        raise UsageError(
            f"{pages[0].parent}: the bundle has its own {place.name}: rename the folder"
        )
    place.mkdir()
    values = {"root": "../", "programs": programs, "pages": names}
    for name, page in zip(names, pages, strict=True):
        (place / f"{name}.html").write_text(render(page, web, name=name, **values))
    scripts = [page.with_name(f"{name}.js") for name, page in zip(names, pages, strict=True)]
    if found := [script for script in scripts if script.exists()]:
        bundled(found, place)
