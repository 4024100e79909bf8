/** A text area for code, with line numbers beside it. */

/**
 * Tab indents, Shift-Tab takes that back, Escape and then Tab leaves, Enter keeps the indentation, and
 * Ctrl-Enter (on Apple's keyboards also Command-Enter) calls `run`.
 * @param {HTMLElement} place Holds a `textarea` and `.lines`.
 * @param {() => void} run @param {string} [indent]
 */
export function editor(place, run, indent = "    ") {
  const area = /** @type {HTMLTextAreaElement} */ (place.querySelector("textarea"));
  const lines = /** @type {HTMLElement} */ (place.querySelector(".lines"));
  let escaped = false;

  const number = () => {
    const count = area.value.split("\n").length;
    lines.textContent = Array.from({ length: count }, (_, index) => index + 1).join("\n");
    lines.scrollTop = area.scrollTop;
  };
  /** The line that the selection begins in, up to there. */
  const before = () => area.value.slice(0, area.selectionStart).replace(/^[^]*\n/, "");

  area.addEventListener("input", number);
  area.addEventListener("scroll", () => (lines.scrollTop = area.scrollTop));
  area.addEventListener("keydown", (event) => {
    const leaves = escaped && event.key === "Tab";
    escaped = event.key === "Escape" || (escaped && event.key === "Shift");
    if (leaves || event.isComposing || event.altKey) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
    else if (event.ctrlKey || event.metaKey) return;
    else if (event.key === "Tab" && event.shiftKey) outdent(area, before(), indent);
    else if (event.key === "Tab") insert(indent);
    else if (event.key === "Enter") insert(`\n${/^\s*/.exec(before())?.[0]}`);
    else return;
    event.preventDefault();
  });
  number();
  return area;
}

/** As if it were typed, so that it can be undone. @param {string} text */
function insert(text) {
  document.execCommand("insertText", false, text);
}

/** @param {HTMLTextAreaElement} area @param {string} before @param {string} indent */
function outdent(area, before, indent) {
  if (!before.startsWith(indent)) return;
  const { selectionStart: start, selectionEnd: end } = area;
  const line = start - before.length;
  area.setSelectionRange(line, line + indent.length);
  document.execCommand("delete");
  area.setSelectionRange(start - indent.length, end - indent.length);
}
