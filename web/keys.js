/** Keys that a touch screen's keyboard lacks, below the screen of a terminal where fingers point. */

import { colour } from "./theme.js";

/** What is on a key, what it is called, and what it sends (`CURSOR` before an arrow's letter). */
const CURSOR = "\x1b[";
/** @type {[string, string, string][]} */
const KEYS = [
  ["Esc", "Esc", "\x1b"],
  ["Tab", "Tab", "\t"],
  ["Ctrl-C", "Ctrl-C, interrupts", "\x03"],
  ["←", "Left", `${CURSOR}D`],
  ["↑", "Up", `${CURSOR}A`],
  ["↓", "Down", `${CURSOR}B`],
  ["→", "Right", `${CURSOR}C`],
];
const HELD = ["Ctrl", "Ctrl, for the next key"];
/** Where it stands. */
const HELD_AT = 2;

export const KEYS_STYLE = `
  .keys { display: none; gap: 2px; padding: 2px; }
  @media (pointer: coarse) { .keys { display: flex; } }
  .keys button { flex: 1 1 auto; min-width: 2.1rem; min-height: 2.5rem; padding: 0 .2rem; touch-action: manipulation;
    font: .85rem system-ui, sans-serif; color: ${colour("foreground")}; border-radius: .4rem; cursor: pointer;
    background: color-mix(in srgb, currentColor 8%, transparent); border: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
  .keys button[aria-pressed=true] { color: ${colour("background")}; background: ${colour("foreground")}; }
  .keys button:focus-visible { outline: 2px solid ${colour("cursor")}; outline-offset: -1px; }
`;

export class Keys {
  /** To stand below the screen. */
  place = document.createElement("div");
  #held;

  /** @param {(data: string) => void} press Told what a key sends. */
  constructor(press) {
    const { place } = this;
    place.className = "keys";
    place.role = "group";
    place.ariaLabel = "Keys";
    // The keyboard that types stays where it is, and open.
    place.addEventListener("mousedown", (event) => event.preventDefault());
    const buttons = KEYS.map(([text, name, data]) => button(text, name, () => press(data)));
    this.#held = button(HELD[0], HELD[1], () => (this.holds = !this.holds));
    this.holds = false;
    buttons.splice(HELD_AT, 0, this.#held);
    place.append(...buttons);
  }

  /** Whether Ctrl is held for the next key. */
  get holds() {
    return this.#held.ariaPressed === "true";
  }

  set holds(on) {
    this.#held.ariaPressed = String(on);
  }

  /** What keys send, with Ctrl if that is held. @param {string} data */
  modified(data) {
    if (!this.holds) return data;
    this.holds = false;
    const [, letter] = /^\x1b[[O]([A-DFH])$/.exec(data) ?? [];
    if (letter) return `${CURSOR}1;5${letter}`;
    return /^[@-_a-z ]$/.test(data) ? String.fromCharCode(data.charCodeAt(0) & 31) : data;
  }
}

/** @param {string} text @param {string} name @param {() => void} press */
function button(text, name, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.ariaLabel = name;
  made.addEventListener("click", press);
  return made;
}
