/**
 * A terminal's colours and font, from CSS custom properties: `--wasix-background`, `--wasix-red`,
 * `--wasix-bright-red`, `--wasix-font-size` and so on. What a page does not set follows the element's
 * `color-scheme`, which by default is what the user prefers.
 */

/** In light and dark. @type {Record<string, [string, string]>} */
const COLOURS = {
  background: ["#fcfcfa", "#14161b"],
  foreground: ["#2a2e37", "#dfe3ea"],
  cursor: ["#2f5fb3", "#8ab4f8"],
  cursorAccent: ["#fcfcfa", "#14161b"],
  selectionBackground: ["#c9dcf7", "#3a4660"],
  black: ["#2a2e37", "#3b414d"],
  red: ["#b3261e", "#f2858b"],
  green: ["#2d7035", "#8fcf8f"],
  yellow: ["#8a5a00", "#e3c078"],
  blue: ["#2f5fb3", "#8ab4f8"],
  magenta: ["#8b3d99", "#d0a0e8"],
  cyan: ["#0d6d78", "#7fd0d8"],
  white: ["#8b919d", "#c3c9d4"],
  brightBlack: ["#6a7180", "#7d8698"],
  brightRed: ["#d0453c", "#ffa3a8"],
  brightGreen: ["#3f8f49", "#aee5ae"],
  brightYellow: ["#a87300", "#f5d795"],
  brightBlue: ["#4a7cd0", "#adcbff"],
  brightMagenta: ["#a656b5", "#e3bdf7"],
  brightCyan: ["#1d8a96", "#a3e6ec"],
  brightWhite: ["#4a505c", "#f7f9fc"],
};

const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

const property = (/** @type {string} */ name) =>
  `--wasix-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** In CSS. @param {string} name */
export const colour = (name) =>
  `var(${property(name)}, light-dark(${COLOURS[name].join(", ")}))`;

// Transitions tell of changes, whatever they come from.
export const STYLE = `
  :host { color-scheme: light dark; background: ${colour("background")}; }
  .theme { position: absolute; visibility: hidden; width: 0; height: 0; overflow: hidden;
    font: var(--wasix-font-size, 14px) / var(--wasix-line-height, 1.2) var(--wasix-font-family, ${FONT}); }
  .theme, .theme i { transition: color 1ms, font-size 1ms, line-height 1ms; }
  ${Object.keys(COLOURS)
    .map((name) => `.theme .${name} { color: ${colour(name)}; }`)
    .join("\n  ")}
`;

export class Theme {
  #place = document.createElement("div");

  /** @param {ShadowRoot} root @param {() => void} changed */
  constructor(root, changed) {
    const place = this.#place;
    place.className = "theme";
    place.ariaHidden = "true";
    for (const name of Object.keys(COLOURS)) {
      const probe = document.createElement("i");
      probe.className = name;
      place.append(probe);
    }
    let due = false;
    for (const event of ["transitionend", "transitioncancel"]) {
      place.addEventListener(event, () => {
        if (!due) requestAnimationFrame(() => ((due = false), changed()));
        due = true;
      });
    }
    root.append(place);
  }

  /** What counts before `--wasix-font-size`, in pixels. @param {string | null} size */
  set fontSize(size) {
    this.#place.style.fontSize = size ? `${Number.parseFloat(size)}px` : "";
  }

  /** As xterm.js wants them. */
  get options() {
    const { fontFamily, fontSize, lineHeight } = getComputedStyle(this.#place);
    const size = Number.parseFloat(fontSize);
    const height = Number.parseFloat(lineHeight) / size;
    const colours = Array.from(this.#place.children, (probe) => [
      probe.className,
      getComputedStyle(probe).color,
    ]);
    return {
      fontFamily,
      fontSize: size,
      lineHeight: height >= 1 ? height : 1,
      theme: Object.fromEntries(colours),
    };
  }
}
