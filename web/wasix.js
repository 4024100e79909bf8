/**
 * A kernel in a page. It and its programs live in one worker, on one thread; nothing is needed of
 * the server but that it hands out files: no special headers, at any path.
 */

import manifest from "#manifest";
import { Staff } from "./hired.js";
import { note, starts, waiting } from "./offline.js";
import { Process } from "./process.js";
import { startWorker } from "./workers.js";

const base = new URL(".", import.meta.url);

/**
 * Looks, and milliseconds between them, until a worker that does not answer is ended: a second, or
 * more on a machine so busy that this thread gets no time either.
 */
const LOOKS = 10;
const PAUSE = 100;

/** The exit status of a program whose time was over. */
const TIMEOUT = 124;

const ELSEWHERE = "another tab keeps these files: here they can be read, and not changed";

/**
 * A program: a name from the bundle, a URL (anything with a `/` or ending in `.wasm`), or a module's
 * bytes with a name for messages.
 * @typedef {string | URL | { module: ArrayBuffer | Uint8Array, name?: string }} Program
 */

/**
 * @typedef {object} SpawnOptions
 * @property {Record<string, string>} [env] The whole environment, instead of the default one.
 * @property {string} [cwd] Directory that relative paths start from; `/` if not given.
 * @property {string[]} [preopens] Directories the program finds open under these very names, besides
 *   `/` and `.`; for programs that look for one.
 * @property {Record<string, string | Uint8Array>} [files] Files to write first, by path.
 * @property {number} [memoryLimit] Bytes of linear memory the program may have.
 * @property {number} [outputLimit] Bytes it may write to its standard output and error; then it is ended,
 *   with status 153.
 * @property {number} [timeLimit] Seconds until it is ended, with status 124.
 * @property {number} [maxFiles] Files it may have open at once, 1024 if not given.
 * @property {boolean} [apart] Runs it, and what it starts, in workers of its own: it can be ended while it
 *   computes, and keeps no other program waiting, but a system call takes 10 to 100 µs. Programs with threads
 *   are run so on isolated pages only, where they always are.
 * @property {AbortSignal} [signal] Ends the program (SIGKILL); `run` then rejects with its reason.
 * @property {(end: import("./process.js").End) => void} [onexit] Told when the program has ended.
 * @property {(line: string) => void} [trace] Told of each system call as it ends, and of those of what the
 *   program starts, in lines as strace(1) writes them.
 * @property {TerminalOptions} [terminal] Gives it a terminal for all three streams; its output is then
 *   in `stdout`, and what is written to `stdin` are keys.
 */

/**
 * How lines are edited: as with Readline (`edit`), or as on a plain Unix terminal (`cooked`). In `raw`
 * mode the program gets all keys as they are typed.
 * @typedef {"edit" | "cooked" | "raw"} Mode
 */

/**
 * @typedef {object} TerminalOptions
 * @property {number} columns
 * @property {number} rows
 * @property {Mode} [mode] `edit` if not given.
 * @property {string[]} [history] Lines entered before, oldest first.
 * @property {(line: string) => void} [entered] Told each line to remember.
 */

/**
 * @typedef {object} KernelOptions
 * @property {(loaded: number, total: number | null) => void} [progress] Told, while the worker fetches
 *   what it needs, the bytes that have come, and how many will in all if servers say so.
 * @property {string} [persist] Keeps the kernel's files, but those in `/tmp`, in this browser under this
 *   name. One kernel changes them at a time; for others they are as they were when those started, and
 *   cannot be changed.
 * @property {(text: string) => void} [notice] Told what a person should know: that files cannot be
 *   changed here, or could not be kept.
 * @property {number} [filesystemLimit] Bytes that files may have, if they are not kept.
 * @property {number} [maxProcesses] Processes there may be at once, 1024 if not given.
 */

/**
 * @typedef {object} Streams
 * @property {string | Uint8Array | ReadableStream<string | Uint8Array>} [stdin] What the program reads.
 * @property {WritableStream<Uint8Array>} [stdout] Takes what it writes, which then is not in the result.
 * @property {WritableStream<Uint8Array>} [stderr]
 */

/**
 * @typedef {SpawnOptions & Streams} RunOptions
 * @typedef {{ status: number, stdout: string, stderr: string, message?: string }} Result
 *   `message` says why it ended if that was not its own doing.
 */

/**
 * A process of a kernel, as `processes` tells of it.
 * @typedef {object} ProcessInfo
 * @property {number} pid
 * @property {number | null} parent The pid of what has started it; null if the page has.
 * @property {string} name
 * @property {string[]} args
 * @property {"running" | "waiting" | "stopped"} state
 * @property {number | null} memory Bytes of its linear memory, once it has begun.
 * @property {number} threads
 * @property {number} calls System calls that it has made.
 * @property {number} time Milliseconds for which it has run, with what the kernel did for it.
 */

/**
 * A kernel in a worker of its own. A worker that had to be ended is replaced when it is needed.
 *
 * Events tell of all processes, those that programs start as well: `spawn`, whose `detail` is
 * `{ pid, parent, name, args }`, and `exit`, with `{ pid, status }`. `progress` and `notice` are those of
 * the options.
 */
export class Wasix extends EventTarget {
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Promise<{ suspends: boolean, isolated: boolean, waits: boolean, writable: boolean }> | null} */
  #started = null;
  #last = 0;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();
  /** By pid. @type {Map<number, Process>} */
  #processes = new Map();
  /** By pid, told of lines to remember. @type {Map<number, (line: string) => void>} */
  #entered = new Map();
  /** By pid, told of system calls. @type {Map<number, (line: string) => void>} */
  #traced = new Map();
  #staff = new Staff((id, message) => void this.#send("failed", id, message).catch(() => {}));
  #progress;
  #notice;
  #limits;

  /** @param {KernelOptions} [options] */
  constructor({ progress, persist, notice, ...limits } = {}) {
    super();
    this.#progress = progress;
    this.#limits = limits;
    /** What its files are kept under, from the next start of its worker on. */
    this.persist = persist;
    this.#notice = notice;
    /** Files of the kernel; they live as long as its worker. */
    this.fs = new Files((method, ...args) => this.#ask(method, ...args));
  }

  /** Names of the bundle's programs. */
  get programs() {
    return Object.keys(manifest.programs);
  }

  /** Start the worker unless it runs. Resolves to what it can do; `waits` is whether programs can wait. */
  ready() {
    this.#started ??= this.#start();
    return this.#started;
  }

  #start() {
    const worker = startWorker(new URL(manifest.worker, base).href, "wasix");
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      if (worker === this.#worker) this.#end(`the worker failed: ${event.message ?? "it cannot be loaded"}`);
    };
    const { runtime } = manifest;
    const url = new URL(runtime.url, base).href;
    void waiting(this.#send("answer")).then((place) => {
      worker.postMessage({ id: 0, method: "wait", args: [place] });
    });
    const started = this.#send("start", { ...runtime, url, compresses: compresses() }, new URL(manifest.thread, base).href, {
      persist: this.persist,
      ...this.#limits,
    });
    starts(started);
    started.then(({ writable }) => writable || this.#tell(ELSEWHERE), () => {});
    return started;
  }

  /** @param {string} text For a person. */
  #tell(text) {
    this.#notice?.(text);
    this.dispatchEvent(new CustomEvent("notice", { detail: text }));
  }

  /** Ask what the kernel will answer when it is ready. @param {string} method @param {...any} args */
  #ask(method, ...args) {
    // Who asks is told if it fails to start.
    this.ready().catch(() => {});
    return this.#send(method, ...args);
  }

  /**
   * Fetch and compile a program of the bundle before it is spawned, also while the kernel starts.
   * @param {Program} program
   */
  prefetch(program) {
    const { url, wanted, archive } = find(program);
    if (!url || !wanted) return;
    note(url, archive?.url);
    void this.#ask("prefetch", url, archive).catch(() => {});
  }

  /** @param {string} method @param {...any} args @returns {Promise<any>} */
  #send(method, ...args) {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker?.postMessage({ id, method, args });
    });
  }

  /** @param {any} message */
  #receive(message) {
    if ("output" in message) {
      this.#processes.get(message.output)?.receive(message.fd, message.data);
    } else if ("loaded" in message) {
      const { loaded, total } = message;
      this.#progress?.(loaded, total);
      this.dispatchEvent(new CustomEvent("progress", { detail: { loaded, total } }));
    } else if ("hire" in message || "fire" in message) {
      this.#staff.obey(message);
    } else if ("notice" in message) {
      this.#tell(message.notice);
    } else if ("entered" in message) {
      this.#entered.get(message.entered)?.(message.line);
    } else if ("traced" in message) {
      for (const line of message.lines.split("\n")) this.#traced.get(message.traced)?.(line);
    } else if ("born" in message) {
      this.dispatchEvent(new CustomEvent("spawn", { detail: message.born }));
    } else if ("gone" in message) {
      this.dispatchEvent(new CustomEvent("exit", { detail: message.gone }));
    } else if ("exited" in message) {
      const process = this.#processes.get(message.exited);
      this.#processes.delete(message.exited);
      this.#entered.delete(message.exited);
      this.#traced.delete(message.exited);
      process?.end(message.status, message.message);
    } else {
      const id = message.done ?? message.failed;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if ("done" in message) waiting?.resolve(message.value);
      else waiting?.reject(new Error(message.reason));
    }
  }

  /** @param {string} reason @param {number} [pid] @param {number} [status] Of that process. */
  #end(reason, pid, status = 137) {
    this.#worker?.terminate();
    this.#staff.dismiss();
    this.#worker = null;
    this.#started = null;
    const waiting = [...this.#waiting.values()];
    const processes = [...this.#processes];
    this.#waiting.clear();
    this.#processes.clear();
    this.#entered.clear();
    this.#traced.clear();
    for (const { reject } of waiting) reject(new Error(reason));
    for (const [id, process] of processes) process.end(id === pid ? status : 137, reason);
  }

  /** End the worker with everything in it. It starts again, empty, when it is needed. */
  terminate() {
    this.#end("the worker was terminated");
  }

  /**
   * Start a program.
   * @param {Program} program @param {string[]} [args] @param {SpawnOptions} [options]
   * @returns {Promise<Process>} Rejects if there is no such program or it cannot be run.
   */
  async spawn(program, args = [], options = {}) {
    return this.#spawn(program, args, options, true);
  }

  /**
   * Run a program to its end.
   * @param {Program} program @param {string[]} [args] @param {RunOptions} [options]
   * @returns {Promise<Result>}
   */
  async run(program, args = [], options = {}) {
    const { stdin } = options;
    const stream = stdin instanceof ReadableStream ? stdin : null;
    const given = typeof stdin === "string" ? new TextEncoder().encode(stdin) : (stdin ?? false);
    const process = await this.#spawn(program, args, options, given instanceof ReadableStream || given);
    if (stream) {
      // It need not read to the end.
      const stop = new AbortController();
      stream.pipeTo(process.stdin, { signal: stop.signal }).catch(() => {});
      void process.ended.then(() => stop.abort());
    }
    const [stdout, stderr, { status, message }] = await Promise.all([
      taken(process.stdout, options.stdout),
      taken(process.stderr, options.stderr),
      process.ended,
    ]);
    options.signal?.throwIfAborted();
    return { status, stdout, stderr, ...(message ? { message } : {}) };
  }

  /**
   * @param {Program} program @param {string[]} args @param {SpawnOptions} options
   * @param {Uint8Array | boolean} stdin
   */
  async #spawn(program, args, options, stdin) {
    const { env, cwd = "/", files = {}, signal, terminal, memoryLimit, preopens = [], apart = false } = options;
    const { outputLimit, timeLimit, maxFiles, onexit, trace } = options;
    signal?.throwIfAborted();
    const { argv, environ, ...what } = find(program);
    if (memoryLimit === undefined) this.prefetch(program);
    else if (what.url && what.wanted) note(what.url, what.archive?.url);
    for (const [path, data] of Object.entries(files)) await this.fs.writeFile(path, data);
    const spawned = this.#ask("spawn", {
      ...what,
      args: [...argv, ...args.map(String)],
      env: env ?? { ...manifest.environ, PWD: cwd, ...(terminal && described(terminal)), ...environ },
      cwd,
      stdin,
      terminal: terminal && {
        columns: terminal.columns,
        rows: terminal.rows,
        mode: terminal.mode ?? "edit",
        history: terminal.history ?? [],
      },
      memoryLimit,
      outputLimit,
      maxFiles,
      trace: Boolean(trace),
      preopens: [...preopens, ...(what.archive ? [what.archive.at] : [])],
      apart,
    });
    starts(spawned);
    const pid = await spawned;
    const process = new Process(pid, {
      send: (method, ...rest) => this.#send(method, pid, ...rest),
      insist: (status, method, ...rest) => this.#insist(pid, status, method, ...rest),
      signal: signalNumber,
      ends: (signal) => !manifest.harmless.includes(signal),
    });
    this.#processes.set(pid, process);
    if (terminal?.entered) this.#entered.set(pid, terminal.entered);
    if (trace) this.#traced.set(pid, trace);
    if (onexit) void process.ended.then(onexit);
    if (timeLimit !== undefined) this.#limit(process, timeLimit);
    const abort = () => void process.kill("SIGKILL");
    signal?.addEventListener("abort", abort);
    void process.ended.then(() => signal?.removeEventListener("abort", abort));
    if (signal?.aborted) abort();
    return process;
  }

  /** @param {Process} process @param {number} seconds */
  #limit({ pid, ended }, seconds) {
    // No timer is longer, nor does a page last.
    const delay = Math.min(1000 * seconds, 2 ** 31 - 1);
    const timer = setTimeout(() => void this.#insist(pid, TIMEOUT, "expire", seconds), delay);
    void ended.then(() => clearTimeout(timer));
  }

  /** What runs now. @returns {Promise<ProcessInfo[]>} */
  processes() {
    return this.#ask("processes");
  }

  /**
   * Send a signal to any process, by name (`SIGTERM`) or Linux's number; `Process.kill` also ends one of
   * the page's that does not hear it.
   * @param {number} pid @param {string | number} [signal] @returns {Promise<void>}
   */
  async kill(pid, signal = "SIGTERM") {
    const process = this.#processes.get(pid);
    await (process ? process.kill(signal) : this.#ask("kill", pid, signalNumber(signal)));
  }

  /**
   * Tell a process something that it must hear. A guest that computes keeps its worker from hearing
   * anything: after a while the worker is ended, and the process's exit status is `status`.
   * @param {number} pid @param {number} status @param {string} method @param {...any} args
   */
  async #insist(pid, status, method, ...args) {
    if (!this.#processes.has(pid)) return;
    let heard = false;
    const answer = this.#send(method, pid, ...args).catch(() => {});
    void answer.then(() => (heard = true));
    for (let look = 0; look < LOOKS && !heard; look++) {
      await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, PAUSE))]);
    }
    if (!heard) this.#end("it computed on and heard no signal: its worker was ended", pid, status);
  }
}

/**
 * What a program writes: passed on, or its text.
 * @param {ReadableStream<Uint8Array>} stream @param {WritableStream<Uint8Array>} [target]
 */
async function taken(stream, target) {
  if (!target) return new Response(/** @type {ReadableStream<any>} */ (stream)).text();
  await stream.pipeTo(target);
  return "";
}

/** Whether this script came compressed as well as servers can, so that other files do, too. */
function compresses() {
  const [entry] = performance.getEntriesByName(import.meta.url);
  return ["br", "zstd"].includes(/** @type {any} */ (entry)?.contentEncoding);
}

/**
 * What programs look for in their environment. Its size is there because preview1 has no call for it.
 * @param {TerminalOptions} terminal
 */
function described({ columns, rows }) {
  return {
    TERM: "xterm-256color",
    COLORTERM: "truecolor",
    COLUMNS: String(columns),
    LINES: String(rows),
  };
}

/** @param {string | number} signal A name, or Linux's number. */
function signalNumber(signal) {
  const signals = /** @type {Record<string, number>} */ (manifest.signals);
  const number = typeof signal === "number" ? signal : signals[signal];
  if (Object.values(signals).includes(number)) return number;
  throw new Error(`${signal}: no such signal; there are ${Object.keys(signals).join(", ")}`);
}

/**
 * @param {Program} program
 * @returns {{ name: string, argv: string[], environ: object, url?: string, wanted?: object,
 *   module?: Uint8Array, archive?: { url: string, at: string } }}
 */
function find(program) {
  if (typeof program === "object" && "module" in program) {
    const { module, name = "module.wasm" } = program;
    const bytes = module instanceof Uint8Array ? module : new Uint8Array(module);
    return { name, argv: [name], environ: {}, module: bytes };
  }
  const text = String(program);
  const known = /** @type {Record<string, any>} */ (manifest.programs)[text];
  if (known && Object.hasOwn(manifest.programs, text)) {
    const { argv, environ, file, wanted } = known;
    const archive = known.archive && { url: new URL(known.archive.file, base).href, at: known.archive.at };
    return { name: text, argv, environ, wanted, url: new URL(file, base).href, archive };
  }
  if (text.includes("/") || text.endsWith(".wasm")) {
    const url = new URL(text, document.baseURI);
    const name = decodeURIComponent(url.pathname.split("/").at(-1) || text);
    return { name, argv: [name], environ: {}, url: url.href };
  }
  const names = Object.keys(manifest.programs).join(", ");
  throw new Error(`${text}: no such program; this page has ${names}`);
}

/** Files of a kernel. Paths are absolute, or relative to `/`. */
export class Files {
  #ask;

  /** @param {(method: string, ...args: any[]) => Promise<any>} ask */
  constructor(ask) {
    this.#ask = ask;
  }

  /**
   * Make or replace a file, and the directories on the way to it.
   * @param {string} path @param {string | Uint8Array | ArrayBuffer} data @returns {Promise<void>}
   */
  writeFile(path, data) {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
    return this.#ask("writeFile", path, bytes);
  }

  /** @param {string} path @returns {Promise<Uint8Array>} */
  readFile(path) {
    return this.#ask("readFile", path);
  }

  /** @param {string} path @returns {Promise<string>} */
  async readText(path) {
    return new TextDecoder().decode(await this.readFile(path));
  }

  /** Have all that has changed be kept (`persist`). It is within a quarter of a second by itself. @returns {Promise<void>} */
  save() {
    return this.#ask("save");
  }

  /** Make a directory, and those on the way to it. @param {string} path @returns {Promise<void>} */
  mkdir(path) {
    return this.#ask("makeDirectory", path);
  }

  /** Remove a file, or a directory with all that is in it. @param {string} path @returns {Promise<void>} */
  remove(path) {
    return this.#ask("remove", path);
  }

  /** Give a file or a directory another name, or place. @param {string} from @param {string} to @returns {Promise<void>} */
  rename(from, to) {
    return this.#ask("rename", from, to);
  }

  /** The files below a directory, as a zip archive. @param {string} [path] @returns {Promise<Uint8Array>} */
  async pack(path = "/") {
    const { pack } = await import("./zip.js");
    return pack(this, path);
  }

  /**
   * Write what is in a zip archive below a directory, which is made if need be.
   * @param {Uint8Array | ArrayBuffer} archive @param {string} [path] @returns {Promise<void>}
   */
  async unpack(archive, path = "/") {
    const { unpack } = await import("./zip.js");
    await unpack(this, archive instanceof Uint8Array ? archive : new Uint8Array(archive), path);
  }

  /**
   * What is in a directory; `size` is in bytes, 0 for a directory.
   * @param {string} path @returns {Promise<{ name: string, directory: boolean, size: number }[]>}
   */
  async list(path) {
    /** @type {[string, boolean, number][]} */
    const entries = await this.#ask("list", path);
    return entries.map(([name, directory, size]) => ({ name, directory, size }));
  }
}
