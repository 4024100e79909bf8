"""Screenshots of the gallery, for `docs/gallery.md`: `python -m docs.screenshots [PAGE]...`.

Each page in light and dark, and some on a telephone, go into `docs/gallery/` as PNG images of at
most 256 colours.
"""

from __future__ import annotations

import base64
import struct
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

from e2e.browser import launch
from examples.gallery.__main__ import make
from wasix.web.serve import server

FOLDER = Path(__file__).parent / "gallery"
DESKTOP = (1280, 760)
TELEPHONE = (390, 844)

_SETTLED = 800
"""Milliseconds in which what is fading or blinking comes to rest."""

_REDUCE = """async (png) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const colours = [...counts].sort((a, b) => b[1] - a[1])
    .map(([colour]) => [colour, [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255]]);
  let palette, nearest;
  for (let apart = 4; !palette || palette.length > 256; apart *= 1.5) {
    palette = [];
    nearest = new Map();
    for (const [colour, [r, g, b]] of colours) {
      let best = palette.length, least = apart ** 2;
      palette.forEach(([pr, pg, pb], index) => {
        const distance = (pr - r) ** 2 + (pg - g) ** 2 + (pb - b) ** 2;
        if (distance < least) [best, least] = [index, distance];
      });
      if (best === palette.length) palette.push([r, g, b]);
      nearest.set(colour, best);
    }
  }
  const bytes = Uint8Array.from(pixels, (pixel) => nearest.get(pixel));
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  }
  return { width, height, palette: palette.flat(), indices: btoa(text) };
}"""
"""At most 256 colours of an image, the most frequent first and all of them some
distance apart, and which of them each pixel is nearest to."""


def _screen(page: Page) -> Locator:
    return page.locator("wasix-terminal")


def _index(page: Page) -> None:
    """It is there at once."""


def _python(page: Page) -> None:
    expect(_screen(page)).to_contain_text(">>> ")
    page.get_by_role("button", name="Run").click()
    expect(_screen(page)).to_contain_text("words, please:")
    page.keyboard.type("the cat and the dog and the fox\n")
    expect(page.get_by_role("button", name="Download words.csv")).to_be_visible()


def _sqlite(page: Page) -> None:
    expect(_screen(page)).to_contain_text("sqlite> ")
    page.keyboard.type(".mode column\n.headers on\n")
    page.keyboard.type("SELECT * FROM nights ORDER BY nights DESC LIMIT 3;\n")
    expect(_screen(page)).to_contain_text("Portugal")
    page.keyboard.type("UPDATE city SET people = people + 1 WHERE name = 'Oslo';\n")
    expect(page.get_by_role("cell", name="717711")).to_be_visible()


def _php(page: Page) -> None:
    expect(page.frame_locator("iframe").get_by_text("Hello, WebAssembly")).to_be_visible()


def _ruby(page: Page) -> None:
    expect(page.get_by_role("button", name="Download moons.txt")).to_be_visible()


def _clang(page: Page) -> None:
    expect(page.get_by_role("status")).to_have_text("Ended with status 0")
    expect(page.get_by_role("button", name="Download main.wasm")).to_be_visible()


def _shell(page: Page) -> None:
    expect(_screen(page)).to_contain_text("# ")
    for name, answer in (
        ("what there is", "hello.sh"),
        ("three processes", "271"),
        ("first line", "Hello, there!"),
        ("a job", "143"),
        ("a subshell", "quince"),
    ):
        page.get_by_role("button", name=name).click()
        expect(_screen(page)).to_contain_text(answer)


PAGES: dict[str, Callable[[Page], None]] = {
    "index": _index,
    "python": _python,
    "sqlite": _sqlite,
    "php": _php,
    "ruby": _ruby,
    "clang": _clang,
    "shell": _shell,
}
PORTABLE = ("python",)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _reduced(page: Page, png: bytes) -> bytes:
    """The image with a palette (PNG, section 11.2)."""
    found = page.evaluate(_REDUCE, base64.b64encode(png).decode())
    width, height = found["width"], found["height"]
    indices = base64.b64decode(found["indices"])
    lines = b"".join(b"\0" + indices[at : at + width] for at in range(0, len(indices), width))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(found["palette"])),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def take(site: Path, names: list[str]) -> None:
    """Take pictures of these pages of the bundle at `site`."""
    FOLDER.mkdir(exist_ok=True)
    http = server(site)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{http.server_address[1]}/gallery/"
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        tool = browser.new_page()
        for name in names:
            kinds = {"light": DESKTOP, "dark": DESKTOP}
            if name in PORTABLE:
                kinds["telephone"] = TELEPHONE
            for kind, (width, height) in kinds.items():
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if kind == "dark" else "light",
                    reduced_motion="reduce",
                )
                page.goto(f"{url}{name}.html")
                PAGES[name](page)
                page.wait_for_timeout(_SETTLED)
                image = _reduced(tool, page.screenshot(full_page=kind == "telephone"))
                path = FOLDER / f"{name}-{kind}.png"
                path.write_bytes(image)
                print(f"{path.name}: {len(image) / 1e3:.0f} kB")
                page.close()
        browser.close()
    http.shutdown()


def main(names: list[str]) -> None:
    unknown = set(names) - set(PAGES)
    if unknown:
        sys.exit(f"no such page: {', '.join(sorted(unknown))}; there are {', '.join(PAGES)}")
    with tempfile.TemporaryDirectory(prefix="wasix-gallery-") as folder:
        site = Path(folder) / "site"
        make(site)
        take(site, names or list(PAGES))


if __name__ == "__main__":
    main(sys.argv[1:])
