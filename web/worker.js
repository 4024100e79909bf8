/** The worker: the kernel in Pyodide, and the programs it serves, on one thread. */

import { CALLS } from "#glue";

import { PromiseCarrier, Turns } from "../engines/browser/carrier.js";
import { Guest, Stage } from "../engines/browser/guest.js";
import { compile, run } from "../engines/browser/run.js";
import { watch } from "./progress.js";
import { startPython } from "./python.js";

/** @typedef {import("../engines/browser/run.js").Wanted} Wanted */

/**
 * @typedef {object} Command A program to start.
 * @property {string} name What messages call it.
 * @property {string} [url] Where it is fetched from.
 * @property {Uint8Array} [module] Its bytes, instead.
 * @property {Wanted} [wanted] What it imports, if that is known and was checked.
 * @property {string[]} args With the program's own name at the front.
 * @property {Record<string, string>} env
 * @property {string} cwd
 * @property {Uint8Array | boolean} stdin Bytes, a stream (true), or nothing.
 * @property {import("./wasix.js").TerminalOptions} [terminal] To give it a terminal.
 * @property {number} [memoryLimit] In bytes.
 * @property {string[]} preopens
 */

/** A worker's kernel and what runs on it. */
class Kernel {
  /** By tid. @type {Map<number, PromiseCarrier>} */
  #carriers = new Map();
  /** By URL. @type {Map<string, Promise<WebAssembly.Module>>} */
  #modules = new Map();

  /** @param {import("./python.js").Python} python @param {boolean} suspends */
  constructor(python, suspends) {
    this.suspends = suspends;
    this.call = python.call;
    const page = (this.page = python.page(this.#door(), suspends));
    this.turns = new Turns(() => page.turn());
    this.module = python.module;
    this.stage = new Stage(python.module, () => locate(page), (size) => page.stage.reserve(size));
  }

  #door() {
    return {
      notify: (/** @type {number} */ tid) => this.#carriers.get(tid)?.notify(),
      output: (/** @type {number} */ pid, /** @type {number} */ fd, /** @type {any} */ data) => {
        const bytes = data.toJs();
        postMessage({ output: pid, fd, data: bytes }, { transfer: [bytes.buffer] });
      },
      entered: (/** @type {number} */ pid, /** @type {string} */ line) => postMessage({ entered: pid, line }),
    };
  }

  /** Start a program. Resolves to its pid. @param {Command} command */
  async spawn(command) {
    const { name, args, env, cwd, stdin, terminal, preopens } = command;
    const { module, wanted } = await this.#load(command);
    const given = [stdin || undefined, terminal, preopens];
    const pid = this.call(this.page.spawn, name, args, env, cwd, ...given);
    // In a later turn, so that the page knows the pid before it hears of the process.
    this.turns.later(() => void this.#guide(pid, module, wanted));
    return pid;
  }

  /** @param {Command} command */
  async #load({ name, url, module, wanted, memoryLimit }) {
    if (url && wanted && memoryLimit === undefined) return { module: await this.#cached(url), wanted };
    let bytes = module ?? (await fetched(/** @type {string} */ (url)));
    const linked = this.call(this.page.link, bytes, name, memoryLimit);
    const [text, changed] = linked;
    if (changed) bytes = changed.toJs();
    linked.destroy();
    const compiled = await WebAssembly.compile(/** @type {BufferSource} */ (bytes)).catch((error) => {
      throw new Error(`${name}: ${error.message}`);
    });
    return { module: compiled, wanted: /** @type {Wanted} */ (JSON.parse(text)) };
  }

  /** @param {string} url */
  #cached(url) {
    let module = this.#modules.get(url);
    if (!module) {
      module = compile(url);
      this.#modules.set(url, module);
      module.catch(() => this.#modules.delete(url));
    }
    return module;
  }

  /**
   * See a process through to its end.
   * @param {number} pid @param {WebAssembly.Module} module @param {Wanted} wanted
   */
  async #guide(pid, module, wanted) {
    const { page, suspends } = this;
    const thread = page.carrier(pid);
    const carrier = new PromiseCarrier(suspends, this.turns, thread, () => page.cannot_wait(pid));
    this.#carriers.set(pid, carrier);
    const numbers = [...new Set(wanted.functions.map(([, , number]) => number))];
    const proxies = this.call(page.calls, pid, numbers);
    const decoders = numbers.map((_, index) => proxies.get(index));
    const callees = new Array(CALLS).fill(0);
    decoders.forEach((proxy, index) => {
      callees[numbers[index]] = this.module.PyProxy_getPtr(proxy);
    });
    const guest = new Guest(this.stage, carrier);
    const { end, message } = await run(module, wanted, guest, callees);
    this.#carriers.delete(pid);
    const ended = page.ended(pid, end, message);
    postMessage({ exited: pid, status: ended.get(0), message: ended.get(1) });
    for (const proxy of [ended, proxies, thread, ...decoders]) proxy.destroy();
  }
}

/** Where the staging area lies in Python's memory. @param {any} page */
function locate(page) {
  const found = page.stage.view.getBuffer("u8");
  const { byteOffset, length } = found.data;
  found.release();
  return { base: byteOffset, size: length };
}

/** @param {string} url */
async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be fetched: HTTP status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** @type {Promise<Kernel>} */
let kernel;

watch((loaded, total) => postMessage({ loaded, total }));

/** What the page may ask for. @type {Record<string, (...args: any[]) => any>} */
const methods = {
  /** @param {import("./python.js").Runtime} runtime */
  start: async (runtime) => {
    const suspends = "Suspending" in WebAssembly;
    kernel = startPython(runtime).then((python) => new Kernel(python, suspends));
    await kernel;
    return { suspends };
  },
  spawn: async (command) => (await kernel).spawn(command),
  feed: async (pid, data) => {
    const { call, page } = await kernel;
    await new Promise((taken) => call(page.feed, pid, data, taken));
  },
  finish: async (pid) => (await kernel).page.finish(pid),
  acknowledge: async (pid, fd, count) => (await kernel).page.acknowledge(pid, fd, count),
  resize: async (pid, columns, rows) => (await kernel).page.resize(pid, columns, rows),
  kill: async (pid, signal) => (await kernel).page.kill(pid, signal),
  writeFile: async (path, data) => {
    const { call, page } = await kernel;
    call(page.write_file, path, data);
  },
  readFile: async (path) => {
    const { call, page } = await kernel;
    const data = call(page.read_file, path);
    const bytes = data.toJs();
    data.destroy();
    return bytes;
  },
  makeDirectory: async (path) => {
    const { call, page } = await kernel;
    call(page.make_directory, path);
  },
  list: async (path) => {
    const { call, page } = await kernel;
    return JSON.parse(call(page.list_directory, path));
  },
};

onmessage = async ({ data: { id, method, args } }) => {
  try {
    const value = await methods[method](...args);
    postMessage({ done: id, value });
  } catch (error) {
    postMessage({ failed: id, reason: error instanceof Error ? error.message : String(error) });
  }
};
