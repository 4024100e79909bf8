/** Lines entered at programs, by program: in memory, and in the browser's storage if wanted. */

const MOST = 1000;
const PAUSE = 200; // milliseconds until lines are stored: many may come at once

/** @type {Map<string, string[]>} */
const remembered = new Map();

export class History {
  /** Oldest first. @type {string[]} */
  lines;
  #key;
  #kept;
  #due = false;

  /** @param {string} program @param {boolean} kept */
  constructor(program, kept) {
    this.#key = `wasix-history:${program}`;
    this.#kept = kept;
    this.lines = remembered.get(program) ?? (kept ? this.#stored() : []);
    remembered.set(program, this.lines);
  }

  /** @param {string} line */
  add(line) {
    this.lines.push(line);
    this.lines.splice(0, this.lines.length - MOST);
    if (!this.#kept || this.#due) return;
    this.#due = true;
    setTimeout(() => this.#store(), PAUSE);
    addEventListener("pagehide", () => this.#store(), { once: true });
  }

  #store() {
    if (!this.#due) return;
    this.#due = false;
    try {
      localStorage.setItem(this.#key, JSON.stringify(this.lines));
    } catch {
      // Storage may be full or forbidden.
    }
  }

  /** @returns {string[]} */
  #stored() {
    try {
      const lines = JSON.parse(localStorage.getItem(this.#key) ?? "[]");
      return Array.isArray(lines) ? lines.filter((line) => typeof line === "string") : [];
    } catch {
      return [];
    }
  }
}
