/**
 * `<wasix-terminal program="python" args="-q">`: a program on a terminal.
 *
 * `args` are words, quoted as in a shell if they hold spaces. The element has a kernel of its own (`wasix`), so its
 * files and a program that has to be stopped are no other element's business. It fires `exit`, whose
 * `detail` is `{ status, message }`.
 */

import { Wasix } from "./wasix.js";

const NOTE = "\x1b[2m";
const PLAIN = "\x1b[0m";

export class WasixTerminal extends HTMLElement {
  static observedAttributes = ["program", "args"];

  wasix = new Wasix();
  /** What runs now. @type {import("./process.js").Process | null} */
  process = null;
  /** @type {Promise<import("./terminal.js").Screen> | null} */
  #screen = null;
  /** Counts starts, so that an old one knows it has been overtaken. */
  #turn = 0;

  connectedCallback() {
    void this.start();
  }

  disconnectedCallback() {
    this.#turn++;
    this.wasix.terminate();
  }

  attributeChangedCallback() {
    if (this.isConnected && this.#screen) void this.start();
  }

  /** Start the program, again if it runs. */
  async start() {
    const turn = ++this.#turn;
    if (this.process) await this.process.kill("SIGKILL");
    // The terminal's code is not loaded by pages that have none.
    this.#screen ??= import("./terminal.js").then(({ Screen }) => new Screen(this));
    const screen = await this.#screen;
    const program = this.getAttribute("program");
    if (turn !== this.#turn || !program) return;
    screen.clear();
    screen.input = null;
    try {
      const terminal = screen.size;
      const process = await this.wasix.spawn(program, this.#args(), { terminal });
      if (turn !== this.#turn) return void process.kill("SIGKILL");
      this.process = process;
      screen.attach(process);
      await screen.show(process.stdout);
      const end = await process.ended;
      if (this.process === process) this.process = null;
      if (turn !== this.#turn) return;
      if (end.message) screen.print(`${end.message}\n`);
      screen.print(`${NOTE}[ended with status ${end.status}; press Enter to start again]${PLAIN}\n`);
      this.dispatchEvent(new CustomEvent("exit", { detail: end }));
    } catch (error) {
      if (turn !== this.#turn) return;
      screen.print(`${error instanceof Error ? error.message : error}\n`);
    }
    screen.input = (data) => {
      if (data.includes("\r")) void this.start();
    };
  }

  #args() {
    return words(this.getAttribute("args") ?? "");
  }
}

/** The words of a command line. @param {string} line */
export function words(line) {
  const found = line.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/gs);
  return Array.from(found, ([word]) =>
    word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs, (_, double, single, escaped) =>
      double !== undefined ? double.replace(/\\(["\\$`])/g, "$1") : (single ?? escaped),
    ),
  );
}
