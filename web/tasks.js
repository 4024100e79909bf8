/** A panel with the processes of a kernel: what they use, and a way to end them. */

import { size } from "./files.js";

const PAUSE = 1000; // milliseconds between two looks

/** @typedef {import("./wasix.js").ProcessInfo} ProcessInfo */

/** Lines of system calls that are shown. */
const MOST_LINES = 500;

export class TaskPanel {
  #place;
  #rows;
  #wasix;
  #calls;
  /** System calls that have been made. @type {string[]} */
  #lines = [];
  #due = false;
  /** What was seen at the last look, by pid. @type {Map<number, { info: ProcessInfo, at: number }>} */
  #before = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLDetailsElement} place Holds a `tbody`, a checkbox `.trace`, and `.calls` for text.
   * @param {import("./element.js").WasixTerminal} terminal
   */
  constructor(place, terminal) {
    this.#place = place;
    this.#rows = /** @type {HTMLElement} */ (place.querySelector("tbody"));
    this.#calls = /** @type {HTMLElement} */ (place.querySelector(".calls"));
    this.#wasix = terminal.wasix;
    const look = () => void this.#look();
    place.addEventListener("toggle", look);
    for (const event of ["spawn", "exit"]) this.#wasix.addEventListener(event, look);
    const trace = /** @type {HTMLInputElement} */ (place.querySelector(".trace"));
    trace.addEventListener("change", () => {
      this.#calls.hidden = !trace.checked;
      terminal.trace = trace.checked ? (line) => this.#called(line) : null;
    });
  }

  /** @param {string} line */
  #called(line) {
    this.#lines.push(line);
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#lines.splice(0, this.#lines.length - MOST_LINES);
      this.#calls.textContent = this.#lines.join("\n");
      this.#calls.scrollTop = this.#calls.scrollHeight;
    });
  }

  async #look() {
    clearTimeout(this.#timer);
    if (!this.#place.open) return;
    // It is answered once a program that computes lets it.
    const found = await this.#wasix.processes().catch(() => []);
    this.#show(found);
    clearTimeout(this.#timer);
    if (this.#place.open) this.#timer = setTimeout(() => void this.#look(), PAUSE);
  }

  /** @param {ProcessInfo[]} found */
  #show(found) {
    const at = performance.now();
    // The same rows stay, so that the keyboard's focus does.
    const rows = new Map([...this.#rows.children].map((row) => [/** @type {HTMLElement} */ (row).dataset.pid, row]));
    const shown = found.map((info) => this.#fill(rows.get(String(info.pid)) ?? this.#row(info), info, at));
    if (shown.length !== rows.size || shown.some((row, index) => row !== this.#rows.children[index])) {
      this.#rows.replaceChildren(...shown);
    }
    this.#before = new Map(found.map((info) => [info.pid, { info, at }]));
  }

  /** @param {ProcessInfo} info */
  #row({ pid, name }) {
    const row = document.createElement("tr");
    row.dataset.pid = String(pid);
    const head = document.createElement("th");
    head.scope = "row";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Kill";
    button.ariaLabel = `Kill ${name}, process ${pid}`;
    button.addEventListener("click", () => void this.#wasix.kill(pid, "SIGKILL"));
    const last = document.createElement("td");
    last.append(button);
    row.append(head, ...Array.from({ length: 5 }, () => document.createElement("td")), last);
    return row;
  }

  /** @param {Element} row @param {ProcessInfo} info @param {number} at */
  #fill(row, info, at) {
    const before = this.#before.get(info.pid);
    const seconds = before ? (at - before.at) / 1000 : 0;
    const rate = (/** @type {"time" | "calls"} */ what) =>
      before && seconds > 0 ? (info[what] - before.info[what]) / seconds : null;
    const [time, calls] = [rate("time"), rate("calls")];
    const texts = [
      info.args.join(" ") || info.name,
      String(info.pid),
      info.threads > 1 ? `${info.state}, ${info.threads} threads` : info.state,
      time === null ? "" : `${Math.round(time / 10)} %`,
      info.memory === null ? "" : size(info.memory),
      calls === null ? "" : `${Math.round(calls)}/s`,
    ];
    texts.forEach((text, index) => {
      const cell = row.children[index];
      if (cell.textContent !== text) cell.textContent = text;
    });
    /** @type {HTMLElement} */ (row.children[0]).title = texts[0];
    return row;
  }
}
