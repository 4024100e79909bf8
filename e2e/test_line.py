"""Lines edited, pasted and copied at the terminal, by a person's keys, seen on the screen."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import opened, wait_until
from e2e.test_terminal import start, wait_for
from tests.selection import FULL

ECHO = """python -c "while True: print(ascii(input('? ')))" """


def screen(page: Page) -> str:
    return str(page.evaluate("document.querySelector('wasix-terminal').text"))


def wait_for_screen(page: Page, ending: str) -> None:
    """Wait until the text on the screen ends so."""
    page.wait_for_function(
        "ending => document.querySelector('wasix-terminal').text.endsWith(ending)", arg=ending
    )


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def paste(page: Page, text: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+Shift+V")


@pytest.fixture
def echo(page: Page) -> Page:
    """A program that says which line it was given."""
    start(page, ECHO)
    wait_for_screen(page, "?")
    return page


@pytest.fixture(scope="module")
def shared_echo(browser: Browser, site: str) -> Iterator[Page]:
    """The same for several tests."""
    with opened(browser, site) as page:
        start(page, ECHO)
        wait_for_screen(page, "?")
        yield page


def test_a_line_is_edited_in_its_middle(echo: Page) -> None:
    echo.keyboard.type("one three")
    press(echo, "Control+ArrowLeft")
    echo.keyboard.type("two ")
    press(echo, "Home", "Delete", "End", "Backspace", "Control+a")
    echo.keyboard.type("<")
    press(echo, "Control+e")
    echo.keyboard.type(">")
    wait_for_screen(echo, "? <ne two thre>")
    press(echo, "ArrowLeft", "Control+k", "Control+a", "Control+y", "Enter")
    wait_for_screen(echo, "? ><ne two thre\n'><ne two thre'\n?")


def test_lines_are_recalled_even_after_the_program_was_started_again(echo: Page) -> None:
    for line in ("first", "second"):
        echo.keyboard.type(f"{line}\n")
        wait_for_screen(echo, f"'{line}'\n?")
    press(echo, "ArrowUp", "ArrowUp")
    wait_for_screen(echo, "? first")
    press(echo, "ArrowDown")
    wait_for_screen(echo, "? second")
    press(echo, "Control+c")
    wait_for(echo, "ended with status 130")
    press(echo, "Enter")
    wait_for_screen(echo, "?")
    press(echo, "ArrowUp", "ArrowUp", "Enter")
    wait_for_screen(echo, "? first\n'first'\n?")


def test_lines_are_recalled_after_the_page_was_left(echo: Page) -> None:
    echo.keyboard.type("before\n")
    wait_for_screen(echo, "'before'\n?")
    echo.reload()
    wait_for_screen(echo, "?")
    press(echo, "ArrowUp", "Enter")
    wait_for_screen(echo, "? before\n'before'\n?")


@pytest.mark.parametrize(
    "character",
    ["é", "e\u0301", "日", "👍", "👍🏽", "🫠", "👩\u200d💻", "🇩🇪", "각", "☺\ufe0f", "กำ"],
)
def test_screen_and_kernel_agree_how_wide_a_character_is(shared_echo: Page, character: str) -> None:
    echo = shared_echo
    echo.keyboard.type(f"a{character}b{character}c")
    wait_for_screen(echo, f"? a{character}b{character}c")
    # Erases the second one, then types before the first one and after it.
    press(echo, "ArrowLeft", "Backspace", "Home", "ArrowRight")
    echo.keyboard.type("<")
    press(echo, "ArrowRight")
    echo.keyboard.type(">")
    wait_for_screen(echo, f"? a<{character}>bc")
    press(echo, "Enter")
    wait_for_screen(echo, ascii(f"a<{character}>bc") + "\n?")


def test_a_long_line_is_edited_after_the_window_changed(echo: Page) -> None:
    text = " ".join(f"word{number}" for number in range(30))
    rows = echo.locator(".xterm-rows > div")
    echo.keyboard.type(text)
    wait_for_screen(echo, text)
    for width, marked in ((420, f"<{text}>"), (900, f"<<{text}>>")):
        wide = echo.locator(".xterm-screen").bounding_box()
        assert wide
        echo.set_viewport_size({"width": width, "height": 700})
        echo.wait_for_function(
            "was => document.querySelector('wasix-terminal').shadowRoot"
            ".querySelector('.xterm-screen').clientWidth != was",
            arg=wide["width"],
        )
        press(echo, "Home")
        echo.keyboard.type("<")
        press(echo, "End")
        echo.keyboard.type(">")
        wait_for_screen(echo, f"? {marked}")
    assert rows.count() > 3
    press(echo, "Enter")
    wait_for_screen(echo, f"? <<{text}>>\n'<<{text}>>'\n?")


def test_a_program_finds_the_size_it_starts_with_and_colours(page: Page) -> None:
    code = "import os, shutil; columns, rows = shutil.get_terminal_size()"
    show = "print(columns, rows, os.environ['TERM'], os.environ['COLORTERM'])"
    start(page, f'python -c "{code}; {show}"')
    wait_for(page, "xterm-256color truecolor")
    columns, rows = map(int, screen(page).split()[:2])
    assert 40 < columns < 200
    assert 10 < rows < 100
    page.set_viewport_size({"width": 700, "height": 700})
    page.get_by_role("button", name="Run").click()
    page.wait_for_function(
        "was => parseInt(document.querySelector('wasix-terminal').text) < was",
        arg=columns,
    )


@pytest.mark.parametrize(
    ("code", "css"),
    [
        ("31", "rgb(242, 133, 139)"),
        ("38;5;208", "rgb(255, 135, 0)"),
        ("38;2;1;200;3", "rgb(1, 200, 3)"),
    ],
)
def test_colours_are_shown(page: Page, code: str, css: str) -> None:
    page.emulate_media(color_scheme="dark")
    start(page, f"python -c \"print('\\x1b[{code}mcoloured\\x1b[0m plain')\"")
    expect(page.get_by_text("coloured", exact=True)).to_have_css("color", css)


def test_the_theme_follows_the_user_and_the_page(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    start(page, "cowsay hi")
    wait_for(page, "< hi >")
    text = page.locator(".xterm-rows")
    expect(text).to_have_css("color", "rgb(42, 46, 55)")
    page.emulate_media(color_scheme="dark")
    expect(text).to_have_css("color", "rgb(223, 227, 234)")
    page.add_style_tag(
        content="wasix-terminal { --wasix-foreground: #123456; --wasix-font-size: 22px; }"
    )
    expect(text).to_have_css("color", "rgb(18, 52, 86)")
    expect(text).to_have_css("font-size", "22px")
    page.evaluate("() => document.querySelector('wasix-terminal').setAttribute('font-size', '18')")
    expect(text).to_have_css("font-size", "18px")


def test_two_hundred_pasted_lines_are_all_executed_in_order(page: Page) -> None:
    start(page, "python")
    wait_for(page, ">>> ")
    page.keyboard.type("seen = []\n")
    lines = [f"seen.append({number})  # {'é' * (number % 50)}" for number in range(200)]
    paste(page, "\n".join([*lines, "print(seen == list(range(200)), len(seen))", ""]))
    wait_for(page, "True 200")
    # Each line stands behind a prompt of its own.
    shown = screen(page)
    assert all(f"\n>>> {line}\n" in shown for line in lines)


def test_a_long_text_is_pasted_without_loss(page: Page) -> None:
    lines = 20_000 if FULL else 5_000  # 1.1 MB, 0.3 MB
    text = "".join(f"{number} {'x' * (number % 90)} 日é\n" for number in range(lines))
    code = "import sys, zlib; t = sys.stdin.buffer.read(); print(f'{len(t)}:{zlib.crc32(t)}.')"
    start(page, f'python -c "print(1); {code}"')
    wait_for(page, "1")
    paste(page, text)
    page.keyboard.press("Control+d")
    data = text.encode()
    wait_for(page, f"{len(data)}:{zlib.crc32(data)}\\.")


def test_a_selection_is_copied_and_the_key_is_free_again(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    start(page, "python -c \"input('select-me ')\"")
    wait_for(page, "select-me")
    read = "navigator.clipboard.readText()"
    for keys in ("Control+c", "Control+Shift+c"):
        page.evaluate("navigator.clipboard.writeText('')")
        corner = page.locator(".xterm-screen").bounding_box()
        assert corner
        page.mouse.dblclick(corner["x"] + 30, corner["y"] + 8)
        page.keyboard.press(keys)
        wait_until(page, f"async () => await {read} === 'select-me'")
        expect(page.locator(".xterm-selection div")).to_have_count(0)
    page.keyboard.press("Control+c")
    wait_for(page, "ended with status 130")


KEYS_AS_BYTES = """
import os, sys
print("go", end="", flush=True)
while True:
    print(os.read(0, 9), end="", flush=True)
"""


def test_a_selection_begins_at_the_edge(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    start(page, "cowsay hi")
    wait_for(page, "ended with status 0")
    box = page.locator("wasix-terminal").bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 80, steps=4)
    page.mouse.up()
    page.keyboard.press("Control+Shift+C")
    wait_until(page, "async () => (await navigator.clipboard.readText()).includes('< hi >')")


def test_raw_mode_gives_a_program_every_key(page: Page) -> None:
    page.goto("index.html#cowsay")
    wait_for(page, "Hello")
    page.evaluate(
        """async (code) => {
          const terminal = document.querySelector("wasix-terminal");
          await terminal.wasix.fs.writeFile("/home/keys.py", code);
          terminal.setAttribute("mode", "raw");
          terminal.setAttribute("args", "keys.py");
          terminal.setAttribute("program", "python");
          terminal.focus();
        }""",
        KEYS_AS_BYTES,
    )
    wait_for(page, "go")
    for key, seen in (("ArrowUp", "b'\\x1b[A'"), ("Control+c", "b'\\x03'"), ("Enter", "b'\\r'")):
        page.keyboard.press(key)
        wait_for_screen(page, seen)
