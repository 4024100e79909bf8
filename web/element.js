/**
 * `<wasix-terminal program="python" args="-q">`: a program on a terminal.
 *
 * | attribute | |
 * |---|---|
 * | `program`, `args` | what runs; `args` are words, quoted as in a shell if they hold spaces |
 * | `cwd` | its working directory, made if need be; `/` if not given |
 * | `mode` | `edit` (default): lines are edited as with Readline; `cooked`: as on a plain Unix terminal; `raw` |
 * | `history` | `keep` keeps entered lines in the browser's storage, by program |
 * | `offline` | keeps the bundle, and its programs as they are used, for when there is no network |
 * | `kernel` | a name: elements with the same one have one kernel, and its files, in common |
 * | `persist` | a name: files, but those in `/tmp`, are kept in the browser under it |
 * | `font-size` | in pixels |
 * | `screen-reader` | tells screen readers what is shown |
 *
 * Without `kernel` the element has one of its own (`wasix`), so its files and a program that has to be
 * stopped are no other element's business. It fires `state` with a `State` as its `detail`, `output` when something
 * was written, `notice` with a text for a person (which the terminal shows, too), and `exit`, whose
 * `detail` is `{ status, message }`.
 */

import { History } from "./history.js";
import { offline } from "./offline.js";
import { Wasix } from "./wasix.js";

/**
 * What goes on. `loaded` and `total` are bytes; `total` is null if a server does not say.
 * @typedef {{ phase: "loading", loaded: number, total: number | null }
 *   | { phase: "running" }
 *   | { phase: "ended", status: number, message?: string }
 *   | { phase: "failed", message: string }} State
 */

/** Those that elements have in common, by name. @type {Map<string, { wasix: Wasix, users: number }>} */
const kernels = new Map();

const NOTE = "\x1b[2m";
const PLAIN = "\x1b[0m";

export class WasixTerminal extends HTMLElement {
  static observedAttributes = ["program", "args", "cwd", "mode", "font-size", "screen-reader"];

  /** @type {Wasix | null} */
  #wasix = null;
  /** Ends what it hears from its kernel. */
  #deaf = new AbortController();
  /** What runs now. @type {import("./process.js").Process | null} */
  process = null;
  /** @type {State | null} */
  state = null;
  /** Told of the system calls of programs that are started from now on. @type {((line: string) => void) | null} */
  trace = null;
  /** @type {Promise<import("./terminal.js").Screen> | null} */
  #screen = null;
  #text = () => "";
  /** Counts starts, so that an old one knows it has been overtaken. */
  #turn = 0;

  /** Its kernel. */
  get wasix() {
    this.#wasix ??= this.#take();
    return this.#wasix;
  }

  #take() {
    const name = this.getAttribute("kernel");
    const wasix = (name !== null && kernels.get(name)?.wasix) || new Wasix();
    if (name !== null) {
      const { users } = kernels.get(name) ?? { users: 0 };
      kernels.set(name, { wasix, users: users + 1 });
    }
    this.#deaf = new AbortController();
    const options = { signal: this.#deaf.signal };
    wasix.addEventListener("progress", (event) => {
      const { detail } = /** @type {CustomEvent} */ (event);
      if (this.state?.phase === "loading") this.#tell({ phase: "loading", ...detail });
    }, options);
    wasix.addEventListener("notice", (event) => {
      const { detail } = /** @type {CustomEvent<string>} */ (event);
      this.dispatchEvent(new CustomEvent("notice", { detail }));
      void this.#screen?.then((screen) => screen.print(`${NOTE}[${detail}]${PLAIN}\n`));
    }, options);
    return wasix;
  }

  /** Leave the kernel, which ends with the last. */
  #leave() {
    const wasix = this.#wasix;
    if (!wasix) return;
    this.#wasix = null;
    this.#deaf.abort();
    const [name, shared] = [...kernels].find(([, kernel]) => kernel.wasix === wasix) ?? [];
    if (name !== undefined && shared && --shared.users) return void this.process?.kill("SIGKILL");
    if (name !== undefined) kernels.delete(name);
    wasix.terminate();
  }

  /** What is on the screen and above it. */
  get text() {
    return this.#text();
  }

  connectedCallback() {
    if (this.hasAttribute("offline")) void offline();
    void this.start();
  }

  disconnectedCallback() {
    this.#turn++;
    this.#leave();
    this.process = null;
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (!this.isConnected || !this.#screen) return;
    if (name === "font-size" || name === "screen-reader") void this.#screen.then((screen) => this.#adjust(screen));
    else void this.start();
  }

  /** @param {import("./terminal.js").Screen} screen */
  #adjust(screen) {
    screen.fontSize = this.getAttribute("font-size");
    screen.screenReader = this.hasAttribute("screen-reader");
  }

  /** Start the program, again if it runs. */
  async start() {
    const turn = ++this.#turn;
    // Several attributes may change in one go.
    await null;
    if (turn !== this.#turn) return;
    // None of these waits for another.
    const program = this.getAttribute("program");
    this.wasix.persist ??= this.getAttribute("persist") ?? undefined;
    if (program) this.#prepare(program);
    if (this.process) await this.process.kill("SIGKILL");
    // The terminal's code is not loaded by pages that have none.
    this.#screen ??= import("./terminal.js").then(({ Screen }) => {
      const screen = new Screen(this);
      this.#adjust(screen);
      this.#text = () => screen.text;
      return screen;
    });
    const screen = await this.#screen;
    if (turn !== this.#turn || !program) return;
    screen.clear();
    screen.input = null;
    this.#tell({ phase: "loading", loaded: 0, total: null });
    try {
      const process = await this.#spawn(program, screen);
      if (turn !== this.#turn) return void process.kill("SIGKILL");
      this.process = process;
      this.#tell({ phase: "running" });
      screen.attach(process);
      await screen.show(process.stdout, () => this.dispatchEvent(new Event("output")));
      const end = await process.ended;
      if (this.process === process) this.process = null;
      if (turn !== this.#turn) return;
      if (end.message) screen.print(`${end.message}\n`);
      screen.print(`${NOTE}[ended with status ${end.status}; press Enter to start again]${PLAIN}\n`);
      this.#tell({ phase: "ended", ...end });
      this.dispatchEvent(new CustomEvent("exit", { detail: end }));
    } catch (error) {
      if (turn !== this.#turn) return;
      const message = error instanceof Error ? error.message : String(error);
      screen.print(`${message}\n`);
      this.#tell({ phase: "failed", message });
    }
    screen.input = (data) => {
      if (data.includes("\r")) void this.start();
    };
  }

  /** Have the kernel started and the program fetched, while the screen is loaded. @param {string} program */
  #prepare(program) {
    try {
      this.wasix.prefetch(program);
    } catch {
      // There is no such program, as will be told.
    }
  }

  /** End the program, whatever it does. */
  async stop() {
    await this.process?.kill("SIGTERM");
  }

  /** @param {string} program @param {import("./terminal.js").Screen} screen */
  async #spawn(program, screen) {
    const cwd = this.getAttribute("cwd") ?? "/";
    const mode = /** @type {import("./wasix.js").Mode} */ (this.getAttribute("mode") ?? "edit");
    if (cwd !== "/") await this.wasix.fs.mkdir(cwd);
    const history = new History(program, this.getAttribute("history") === "keep");
    // It may just have got another size.
    screen.fit();
    return this.wasix.spawn(program, words(this.getAttribute("args") ?? ""), {
      cwd,
      trace: this.trace ?? undefined,
      terminal: { ...screen.size, mode, history: history.lines, entered: (line) => history.add(line) },
    });
  }

  /** @param {State} state */
  #tell(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
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
