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

// Not dimmed, which may be too faint to be read.
const NOTE = "\x1b[90m";
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
    const program = this.getAttribute("program");
    const screen = await this.#begin(program);
    if (turn !== this.#turn || !program) return;
    screen.clear();
    const end = await this.#run(turn, screen, () => this.#spawn(program, screen));
    if (turn !== this.#turn) return;
    if (end) {
      screen.print(`${NOTE}[ended with status ${end.status}; press Enter to start again]${PLAIN}\n`);
      this.#over(end);
    }
    screen.input = (data) => {
      if (data.includes("\r")) void this.start();
    };
  }

  /**
   * Run a program here to its end, below what is on the screen; what runs is killed first. Resolves
   * to how it ended; to null if it cannot be run, as is told, or something else was started meanwhile.
   * @param {import("./wasix.js").Program} program @param {string[]} [args]
   * @param {import("./wasix.js").SpawnOptions} [options] `cwd` is the attribute's if not given.
   */
  async run(program, args = [], options = {}) {
    const turn = ++this.#turn;
    const screen = await this.#begin();
    if (turn !== this.#turn) return null;
    const end = await this.#run(turn, screen, async () => {
      const cwd = options.cwd ?? (await this.#directory());
      const trace = options.trace ?? this.trace ?? undefined;
      return this.wasix.spawn(program, args, { ...options, cwd, trace, terminal: this.#terminal(screen) });
    });
    if (end) this.#over(end);
    return end;
  }

  /** Empty the screen, and forget what was above it. */
  async clear() {
    (await this.#screen)?.clear();
  }

  /**
   * End what runs, have a screen, and a program fetched. None of these waits for another.
   * @param {string | null} [program]
   */
  async #begin(program) {
    this.wasix.persist ??= this.getAttribute("persist") ?? undefined;
    if (program) this.#prepare(program);
    // The terminal's code is not loaded by pages that have none.
    this.#screen ??= import("./terminal.js").then(({ Screen }) => {
      const screen = new Screen(this);
      this.#adjust(screen);
      this.#text = () => screen.text;
      return screen;
    });
    if (this.process) await this.process.kill("SIGKILL");
    return this.#screen;
  }

  /**
   * @param {number} turn @param {import("./terminal.js").Screen} screen
   * @param {() => Promise<import("./process.js").Process>} spawn
   */
  async #run(turn, screen, spawn) {
    screen.input = null;
    this.#tell({ phase: "loading", loaded: 0, total: null });
    try {
      const process = await spawn();
      if (turn !== this.#turn) {
        void process.kill("SIGKILL");
        return null;
      }
      this.process = process;
      this.#tell({ phase: "running" });
      screen.attach(process);
      await screen.show(process.stdout, () => this.dispatchEvent(new Event("output")));
      const end = await process.ended;
      if (this.process === process) this.process = null;
      if (turn !== this.#turn) return null;
      if (end.message) screen.print(`${end.message}\n`);
      return end;
    } catch (error) {
      if (turn !== this.#turn) return null;
      const message = error instanceof Error ? error.message : String(error);
      screen.print(`${message}\n`);
      this.#tell({ phase: "failed", message });
      return null;
    }
  }

  /** @param {{ status: number, message?: string }} end */
  #over(end) {
    this.#tell({ phase: "ended", ...end });
    this.dispatchEvent(new CustomEvent("exit", { detail: end }));
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
    const cwd = await this.#directory();
    const history = new History(program, this.getAttribute("history") === "keep");
    const terminal = {
      ...this.#terminal(screen),
      history: history.lines,
      entered: (/** @type {string} */ line) => history.add(line),
    };
    return this.wasix.spawn(program, words(this.getAttribute("args") ?? ""), {
      cwd,
      apart: this.hasAttribute("apart"),
      trace: this.trace ?? undefined,
      terminal,
    });
  }

  /** The working directory, which it makes if need be. */
  async #directory() {
    const cwd = this.getAttribute("cwd") ?? "/";
    if (cwd !== "/") await this.wasix.fs.mkdir(cwd);
    return cwd;
  }

  /** @param {import("./terminal.js").Screen} screen */
  #terminal(screen) {
    // It may just have got another size.
    screen.fit();
    const mode = /** @type {import("./wasix.js").Mode} */ (this.getAttribute("mode") ?? "edit");
    return { ...screen.size, mode };
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
