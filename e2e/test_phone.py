"""The bundle's own page on a telephone: a small screen, a finger, a keyboard that is drawn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from e2e.conftest import opened
from e2e.test_line import ECHO, wait_for_screen
from e2e.test_terminal import start, wait_for

PORTRAIT = {"width": 360, "height": 740}

CTRL = "Ctrl, for the next key"
CTRL_C = "Ctrl-C, interrupts"

SCREEN = "document.querySelector('wasix-terminal').shadowRoot"


@pytest.fixture
def phone(browser: Browser, site: str) -> Iterator[Page]:
    with opened(browser, site, viewport=PORTRAIT, has_touch=True, is_mobile=True) as page:
        yield page


@pytest.fixture
def echo(phone: Page) -> Page:
    """A program that says which line it was given, on a terminal that was tapped."""
    start(phone, ECHO)
    wait_for_screen(phone, "?")
    phone.locator("wasix-terminal .screen").tap()
    return phone


@pytest.fixture
def keyboard(echo: Page) -> CDPSession:
    """What sends text as a keyboard on the screen does, with no key pressed."""
    return echo.context.new_cdp_session(echo)


def key(page: Page, name: str) -> None:
    keys = page.get_by_role("group", name="Keys")
    keys.get_by_role("button", name=name, exact=True).tap()


def test_nothing_is_wider_than_the_screen(phone: Page) -> None:
    start(phone, "python -c \"print('x' * 200); import shutil; print(shutil.get_terminal_size())\"")
    wait_for(phone, "columns=")
    assert phone.evaluate("document.documentElement.scrollWidth") == PORTRAIT["width"]
    assert phone.evaluate("visualViewport.scale") == 1
    for name in ("Run", "Stop"):
        expect(phone.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    expect(phone.locator("wasix-terminal")).to_be_in_viewport(ratio=1)
    expect(phone.get_by_role("status")).to_be_in_viewport(ratio=1)
    for button in phone.get_by_role("group", name="Keys").get_by_role("button").all():
        expect(button).to_be_in_viewport(ratio=1)


def test_the_terminal_has_forty_columns(phone: Page) -> None:
    start(phone, 'python -c "import shutil; print(shutil.get_terminal_size().columns >= 40)"')
    wait_for(phone, "True")


def test_a_tap_brings_the_keyboard(echo: Page) -> None:
    focused = f"{SCREEN}.activeElement?.localName"
    echo.get_by_label("Arguments").tap()
    assert echo.evaluate(focused) is None
    echo.locator("wasix-terminal .screen").tap()
    assert echo.evaluate(focused) == "textarea"
    # Browsers zoom in on smaller text.
    size = f"parseFloat(getComputedStyle({SCREEN}.activeElement).fontSize)"
    assert echo.evaluate(size) >= 16


def test_text_arrives_that_no_key_was_pressed_for(echo: Page, keyboard: CDPSession) -> None:
    keyboard.send("Input.insertText", {"text": "one "})
    keyboard.send("Input.insertText", {"text": "twó"})
    wait_for_screen(echo, "? one twó")
    echo.keyboard.press("Enter")
    wait_for_screen(echo, f"{'one twó'!a}\n?")


def test_a_word_arrives_that_is_composed(echo: Page, keyboard: CDPSession) -> None:
    for part in ("h", "he", "hel", "help"):
        ends = len(part)
        keyboard.send(
            "Input.imeSetComposition",
            {"text": part, "selectionStart": ends, "selectionEnd": ends},
        )
    keyboard.send("Input.insertText", {"text": "hello"})  # what it proposed instead
    keyboard.send("Input.insertText", {"text": " "})
    wait_for_screen(echo, "? hello")
    echo.keyboard.press("Enter")
    wait_for_screen(echo, "'hello '\n?")


def test_what_follows_a_composed_word_at_once_does_not_overtake_it(echo: Page) -> None:
    echo.evaluate(f"""() => {{
      const keyboard = {SCREEN}.activeElement;
      keyboard.dispatchEvent(new CompositionEvent("compositionstart"));
      keyboard.value = "hello";
      keyboard.dispatchEvent(new CompositionEvent("compositionend", {{ data: "hello" }}));
      keyboard.value += " ";
      const input = {{ data: " ", inputType: "insertText", bubbles: true, composed: true }};
      keyboard.dispatchEvent(new InputEvent("input", input));
    }}""")
    wait_for_screen(echo, "? hello")
    echo.keyboard.press("Enter")
    wait_for_screen(echo, "'hello '\n?")


def test_keys_below_the_screen_edit_a_line_and_keep_the_keyboard(
    echo: Page, keyboard: CDPSession
) -> None:
    keyboard.send("Input.insertText", {"text": "before"})
    echo.keyboard.press("Enter")
    wait_for_screen(echo, "'before'\n?")
    key(echo, "Up")
    wait_for_screen(echo, "? before")
    key(echo, "Left")
    keyboard.send("Input.insertText", {"text": "<"})
    key(echo, "Right")
    keyboard.send("Input.insertText", {"text": ">"})
    wait_for_screen(echo, "? befor<e>")
    key(echo, "Down")
    wait_for_screen(echo, "?")
    assert echo.evaluate(f"{SCREEN}.activeElement.localName") == "textarea"


def test_ctrl_is_held_for_the_next_key(echo: Page, keyboard: CDPSession) -> None:
    control = echo.get_by_role("button", name=CTRL)
    keyboard.send("Input.insertText", {"text": "one two"})
    key(echo, CTRL)
    expect(control).to_have_attribute("aria-pressed", "true")
    keyboard.send("Input.insertText", {"text": "a"})
    expect(control).to_have_attribute("aria-pressed", "false")
    keyboard.send("Input.insertText", {"text": "<"})
    wait_for_screen(echo, "? <one two")
    key(echo, CTRL)
    key(echo, "Right")
    keyboard.send("Input.insertText", {"text": "a"})
    wait_for_screen(echo, "? <onea two")
    # Pressed twice it is not held.
    key(echo, CTRL)
    key(echo, CTRL)
    keyboard.send("Input.insertText", {"text": "a"})
    wait_for_screen(echo, "? <oneaa two")


def test_ctrl_is_held_for_a_letter_that_begins_a_word(echo: Page, keyboard: CDPSession) -> None:
    key(echo, CTRL)
    keyboard.send("Input.imeSetComposition", {"text": "d", "selectionStart": 1, "selectionEnd": 1})
    wait_for(echo, "EOFError")


@pytest.mark.parametrize("program", ["input('? ')", "print('? '); sum(iter(int, 1))"])
def test_a_program_is_interrupted_with_a_finger(phone: Page, program: str) -> None:
    start(phone, f'python -c "{program}"')
    wait_for_screen(phone, "?")
    key(phone, CTRL_C)
    wait_for(phone, "ended with status 130")


KEYS_AS_BYTES = "import os\nprint('go')\nwhile True: print(os.read(0, 9))"


def test_each_key_is_what_a_terminal_sends(phone: Page) -> None:
    start(phone, "cowsay hi")
    wait_for(phone, "< hi >")
    phone.evaluate(
        """async (code) => {
          const terminal = document.querySelector("wasix-terminal");
          await terminal.wasix.fs.writeFile("/home/keys.py", code);
          terminal.setAttribute("mode", "raw");
          terminal.setAttribute("args", "-u keys.py");
          terminal.setAttribute("program", "python");
        }""",
        KEYS_AS_BYTES,
    )
    wait_for(phone, "go")
    for name, sent in (
        ("Esc", "b'\\x1b'"),
        ("Tab", "b'\\t'"),
        (CTRL_C, "b'\\x03'"),
        ("Up", "b'\\x1b[A'"),
        ("Left", "b'\\x1b[D'"),
    ):
        key(phone, name)
        wait_for_screen(phone, sent)


def test_with_a_mouse_there_are_no_such_keys(page: Page) -> None:
    start(page, "cowsay hi")
    wait_for(page, "< hi >")
    expect(page.locator("wasix-terminal .keys")).to_be_hidden()


@pytest.mark.parametrize("scrolled", [0, 60])
def test_the_prompt_stays_above_the_keyboard(echo: Page, scrolled: int) -> None:
    for number in range(30):
        echo.keyboard.type(f"{number}\n")
        wait_for_screen(echo, f"'{number}'\n?")
    rows = echo.locator("wasix-terminal .xterm-rows > div")
    before = rows.count()
    keyboard = 300
    echo.evaluate("(top) => scrollTo(0, top)", scrolled)
    covered = echo.evaluate(
        """(keyboard) => {
          const height = visualViewport.height - keyboard;
          const smaller = { configurable: true, get: () => height };
          Object.defineProperty(visualViewport, "height", smaller);
          visualViewport.dispatchEvent(new Event("resize"));
          return height;
        }""",
        keyboard,
    )
    expect(rows).not_to_have_count(before)
    echo.keyboard.type("seen")
    wait_for_screen(echo, "? seen")
    prompt = echo.locator("wasix-terminal .xterm-rows").get_by_text("seen").bounding_box()
    keys = echo.locator("wasix-terminal .keys").bounding_box()
    assert prompt
    assert keys
    assert prompt["y"] >= 0
    assert prompt["y"] + prompt["height"] <= covered
    assert keys["y"] + keys["height"] <= covered
    echo.evaluate("delete visualViewport.height; visualViewport.dispatchEvent(new Event('resize'))")
    expect(rows).to_have_count(before)
