"""Keys as WebDriver has them (https://www.w3.org/TR/webdriver2/#keyboard-actions)."""

from __future__ import annotations

from collections.abc import Iterator

NAMED = {
    "Backspace": "\ue003",
    "Tab": "\ue004",
    "Enter": "\ue006",
    "Shift": "\ue008",
    "Control": "\ue009",
    "Alt": "\ue00a",
    "Escape": "\ue00c",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}


def actions(keys: tuple[str, ...]) -> list[dict[str, object]]:
    """The input sources that press `keys`, one after the other."""
    return [{"type": "key", "id": "keyboard", "actions": list(_strokes(keys))}]


def _strokes(keys: tuple[str, ...]) -> Iterator[dict[str, str]]:
    for key in keys:
        *modifiers, last = key.split("+") if len(key) > 1 else [key]
        values = [NAMED.get(name, name) for name in (*modifiers, last)]
        for value in values:
            yield {"type": "keyDown", "value": value}
        for value in reversed(values):
            yield {"type": "keyUp", "value": value}
