/** A panel with the processes of a kernel: what they use, and a way to end them. */

import { size } from "./files.js";

const PAUSE = 1000; // milliseconds between two looks

/** @typedef {import("./wasix.js").ProcessInfo} ProcessInfo */

export class TaskPanel {
  #rows;
  #wasix;
  /** What was seen at the last look, by pid. @type {Map<number, { info: ProcessInfo, at: number }>} */
  #before = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #shown = false;

  /** @param {HTMLElement} place Holds a `tbody`. @param {import("./wasix.js").Wasix} wasix */
  constructor(place, wasix) {
    this.#rows = /** @type {HTMLElement} */ (place.querySelector("tbody"));
    this.#wasix = wasix;
    const look = () => void this.#look();
    wasix.addEventListener("spawn", look);
    wasix.addEventListener("exit", look);
  }

  /** Whether it is seen, and looks. @param {boolean} shown */
  set shown(shown) {
    this.#shown = shown;
    void this.#look();
  }

  async #look() {
    clearTimeout(this.#timer);
    if (!this.#shown) return;
    // It is answered once a program that computes lets it.
    const found = await this.#wasix.processes().catch(() => []);
    this.#show(found);
    clearTimeout(this.#timer);
    if (this.#shown) this.#timer = setTimeout(() => void this.#look(), PAUSE);
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
