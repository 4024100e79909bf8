/**
 * The worker: the kernel in Pyodide, and the programs it serves, on one thread. Where workers can share
 * memory, programs that may have threads run in others, one for each thread.
 */

import { CALLS } from "#glue";

import { PromiseCarrier, Turns } from "../engines/browser/carrier.js";
import { Guest, Stage } from "../engines/browser/guest.js";
import { HeldEnd, holds } from "../engines/browser/held.js";
import { Area, RemoteThread } from "../engines/browser/host.js";
import { describe } from "../engines/browser/outcome.js";
import { PortEnd } from "../engines/browser/ported.js";
import { compile, run } from "../engines/browser/run.js";
import { SharedEnd } from "../engines/browser/shared.js";
import { failed } from "./hired.js";
import { watch } from "./progress.js";
import { startPython } from "./python.js";
import { openStorage } from "./storage.js";
import { Threads } from "./threads.js";
import { gunzipped } from "./unpacked.js";

/** @typedef {import("../engines/browser/held.js").Place} Place */
/** @typedef {import("../engines/browser/run.js").Wanted} Wanted */

/**
 * @typedef {object} Command A program to start.
 * @property {string} name What messages call it.
 * @property {string} [url] Where it is fetched from.
 * @property {Uint8Array} [module] Its bytes, instead.
 * @property {Wanted} [wanted] What it imports, if that is known and was checked.
 * @property {{ url: string, at: string } | null} [archive] Files that it looks for, and the directory
 *   these are to be in.
 * @property {string[]} args With the program's own name at the front.
 * @property {Record<string, string>} env
 * @property {string} cwd
 * @property {Uint8Array | boolean} stdin Bytes, a stream (true), or nothing.
 * @property {import("./wasix.js").TerminalOptions} [terminal] To give it a terminal.
 * @property {number} [memoryLimit] In bytes.
 * @property {number} [outputLimit] In bytes.
 * @property {number} [maxFiles]
 * @property {boolean} trace
 * @property {string[]} preopens
 * @property {boolean} apart Whether it is to run in a worker of its own if it can.
 */

/** Milliseconds after which changed files are kept, if no program asked for it before. */
const SAVED = 250;

/** A worker's kernel and what runs on it. */
class Kernel {
  /** By tid. @type {Map<number, PromiseCarrier | RemoteThread>} */
  #carriers = new Map();
  /** What processes have used, by pid, in threads that have ended. @type {Map<number, { calls: number, time: number }>} */
  #used = new Map();
  /**
   * @param {import("./python.js").Python} python @param {boolean} suspends @param {string} thread A script's URL.
   * @param {import("./storage.js").Storage | null} storage Where files are kept.
   * @param {import("./wasix.js").KernelOptions} options
   * @param {Place | null} place Where programs wait that run in other workers, if there is no other way.
   */
  constructor(python, suspends, thread, storage, { filesystemLimit, maxProcesses }, place) {
    this.suspends = suspends;
    this.place = place;
    this.threads = new Threads(thread);
    this.call = python.call;
    const limits = [filesystemLimit, maxProcesses];
    const held = place !== null;
    const page = (this.page = python.page(this.#door(), suspends, crossOriginIsolated, storage, limits, held));
    if (storage?.writable) setInterval(() => page.try_to_save(), SAVED);
    this.programs = page.programs;
    this.turns = new Turns(() => page.turn());
    this.module = python.module;
    this.stage = new Stage(python.module, () => locate(page.stage), (size) => page.stage.reserve(size));
  }

  #door() {
    return {
      notify: (/** @type {number} */ tid) => this.#carriers.get(tid)?.notify(),
      // In later turns: they are asked for in the middle of a guest's call.
      load: (/** @type {number} */ number) => this.turns.later(() => void this.#compile(number)),
      start: (/** @type {number} */ tid) => this.turns.later(() => void this.#guide(tid)),
      stop: (/** @type {number} */ tid) => this.turns.later(() => this.threads.stop(tid)),
      output: (/** @type {number} */ pid, /** @type {number} */ fd, /** @type {any} */ data) => {
        const bytes = data.toJs();
        postMessage({ output: pid, fd, data: bytes }, { transfer: [bytes.buffer] });
      },
      failed: (/** @type {string} */ reason) => postMessage({ notice: reason }),
      entered: (/** @type {number} */ pid, /** @type {string} */ line) => postMessage({ entered: pid, line }),
      exited: (/** @type {number} */ pid, /** @type {number} */ status, /** @type {string | undefined} */ message) =>
        postMessage({ exited: pid, status, message }),
      traced: (/** @type {number} */ pid, /** @type {string} */ lines) => postMessage({ traced: pid, lines }),
      born: (/** @type {number} */ pid, /** @type {number | undefined} */ parent, /** @type {string} */ name, /** @type {any} */ args) => {
        this.#used.set(pid, { calls: 0, time: 0 });
        postMessage({ born: { pid, parent: parent ?? null, name, args: args.toJs() } });
        args.destroy();
      },
      gone: (/** @type {number} */ pid, /** @type {number} */ status) => {
        this.#used.delete(pid);
        postMessage({ gone: { pid, status } });
      },
    };
  }

  /** Start a program. Resolves to its pid. @param {Command} command */
  async spawn(command) {
    const { name, args, env, cwd, stdin, terminal, preopens, archive } = command;
    const [{ module, wanted }] = await Promise.all([this.#load(command), archive && provide(archive)]);
    const given = [stdin || undefined, terminal, preopens, command.outputLimit, command.maxFiles, command.trace];
    const pid = this.call(this.page.spawn, name, args, env, cwd, ...given);
    // It runs in a later turn, when the page knows the pid.
    const { memoryLimit, apart } = command;
    this.call(this.page.run, pid, module, JSON.stringify(wanted), functions(module), memoryLimit, apart);
    return pid;
  }

  /** What runs, with what it has used. */
  processes() {
    /** @type {import("./wasix.js").ProcessInfo[]} */
    const found = JSON.parse(this.page.processes());
    return found.map(({ threads, ...process }) => {
      let { calls, time } = this.#used.get(process.pid) ?? { calls: 0, time: 0 };
      for (const tid of /** @type {any} */ (threads)) {
        const carrier = this.#carriers.get(tid);
        calls += carrier?.calls ?? 0;
        time += carrier?.time ?? 0;
      }
      return { ...process, threads: /** @type {any} */ (threads).length, calls, time };
    });
  }

  /** @param {Command} command */
  async #load({ name, url, module, wanted, memoryLimit }) {
    if (url && wanted && memoryLimit === undefined) return { module: await compiled(url), wanted };
    let bytes = module ?? (await fetched(/** @type {string} */ (url)));
    const linked = this.call(this.page.link, bytes, name, memoryLimit);
    const [text, changed] = linked;
    if (changed) bytes = changed.toJs();
    linked.destroy();
    const made = await WebAssembly.compile(/** @type {BufferSource} */ (bytes)).catch((error) => {
      throw new Error(`${name}: ${error.message}`);
    });
    return { module: made, wanted: /** @type {Wanted} */ (JSON.parse(text)) };
  }

  /** Compile a program that a guest has asked for. @param {number} number */
  async #compile(number) {
    const { programs } = this;
    const data = programs.link(number);
    if (!data) return;
    try {
      const module = await WebAssembly.compile(data.toJs());
      programs.loaded(number, module, functions(module));
    } catch (error) {
      programs.failed(number, String(error));
    } finally {
      data.destroy();
    }
  }

  /** See a guest thread through to its end. @param {number} tid */
  async #guide(tid) {
    const { programs } = this;
    const task = programs.begin(tid);
    if (!task) return;
    /** @type {Wanted} */
    const wanted = JSON.parse(task.image.wanted);
    const [, waits] = wanted.waits ?? ["", []];
    const numbers = [...new Set([...wanted.functions.map(([, , number]) => number), ...waits])];
    const proxies = this.call(task.calls, numbers);
    const decoders = new Map(numbers.map((number, index) => [number, proxies.get(index)]));
    const carry = task.apart ? this.#apart : this.#beside;
    const used = this.#used.get(task.pid);
    const { end, message } = await carry.call(this, tid, task, wanted, decoders);
    const carrier = this.#carriers.get(tid);
    carrier?.close();
    if (carrier && used) {
      used.calls += carrier.calls;
      used.time += carrier.time;
    }
    this.#carriers.delete(tid);
    programs.ended(tid, end, message);
    for (const proxy of [proxies, task, ...decoders.values()]) proxy.destroy();
  }

  /**
   * Run a guest thread in this worker.
   * @param {number} tid @param {any} task @param {Wanted} wanted @param {Map<number, any>} decoders By call number.
   */
  async #beside(tid, task, wanted, decoders) {
    const { image, snapshot } = task;
    const carrier = new PromiseCarrier(this.suspends, this.turns, task, () => this.page.cannot_wait(tid));
    this.#carriers.set(tid, carrier);
    const callees = new Array(CALLS).fill(0);
    for (const [number, proxy] of decoders) callees[number] = this.module.PyProxy_getPtr(proxy);
    const guest = new Guest(this.stage, carrier);
    return run(image.module, wanted, guest, task, callees, snapshot ?? null);
  }

  /**
   * Run a guest thread in a worker of its own.
   * @param {number} tid @param {any} task @param {Wanted} wanted @param {Map<number, any>} decoders By call number.
   */
  async #apart(tid, task, wanted, decoders) {
    const { image, snapshot, stage } = task;
    try {
      const area = new Area(this.module, () => locate(stage), (size) => stage.reserve(size));
      const end = crossOriginIsolated ? new SharedEnd() : this.place ? new HeldEnd(this.place) : new PortEnd();
      const memories = task.image.shares && crossOriginIsolated
        ? (task.memories ?? wanted.memories.map(([, , type]) => new WebAssembly.Memory(type)))
        : null;
      const thread = new RemoteThread(this.turns, task, decoders, area, memories, end);
      this.#carriers.set(tid, thread);
      return await this.threads.run(tid, thread, {
        module: image.module,
        wanted,
        memories,
        entry: task.entry,
        given: [...task.arguments],
        snapshot: snapshot && {
          memory: { size: snapshot.memory.size },
          area: snapshot.area,
          answer: snapshot.answer,
        },
      });
    } catch (error) {
      return describe(error);
    } finally {
      stage.destroy();
    }
  }
}

/** By URL. @type {Map<string, Promise<WebAssembly.Module>>} */
const modules = new Map();

/** A module that needs no change, compiled once. @param {string} url */
function compiled(url) {
  let module = modules.get(url);
  if (!module) {
    module = compile(url);
    modules.set(url, module);
    module.catch(() => modules.delete(url));
  }
  return module;
}

/** What programs look for, mounted once, by URL. @type {Map<string, Promise<void>>} */
const provided = new Map();

/** @param {NonNullable<Command["archive"]>} archive */
function provide({ url, at }) {
  const mount = async () => {
    const fetched = gunzipped(url).then((response) => response.arrayBuffer());
    const [{ call, page }, data] = await Promise.all([kernel, fetched]);
    call(page.provide, at, new Uint8Array(data));
  };
  let done = provided.get(url);
  if (!done) {
    done = mount();
    provided.set(url, done);
    done.catch(() => provided.delete(url));
  }
  return done;
}

/** The functions that a module exports. @param {WebAssembly.Module} module */
function functions(module) {
  const exports = WebAssembly.Module.exports(module);
  return exports.filter(({ kind }) => kind === "function").map(({ name }) => name);
}

/** Where a staging area lies in Python's memory. @param {any} stage */
function locate(stage) {
  const { view } = stage;
  const found = view.getBuffer("u8");
  const { byteOffset, length } = found.data;
  found.release();
  view.destroy();
  return { base: byteOffset, size: length };
}

/** @param {string} url */
async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be fetched: HTTP status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Go on without one. @param {Error} error */
function withoutStorage(error) {
  postMessage({ notice: `files are not kept: ${error.message}` });
  return null;
}

/** @type {Promise<Kernel>} */
let kernel;

/** @type {(place: Place | null) => void} */
let placed = () => {};
/** Where programs may wait, which the page finds out. @type {Promise<Place | null>} */
const place = new Promise((resolve) => (placed = resolve));

/** Where they do. */
async function waiting() {
  const found = await place;
  return found && (await holds(found)) ? found : null;
}

watch((loaded, total) => postMessage({ loaded, total }));

/** What the page may ask for. @type {Record<string, (...args: any[]) => any>} */
const methods = {
  /**
   * @param {import("./python.js").Runtime} runtime @param {string} thread The script for threads.
   * @param {import("./wasix.js").KernelOptions} options
   */
  start: async (runtime, thread, options) => {
    const { persist } = options;
    const suspends = "Suspending" in WebAssembly;
    const begin = async () => {
      const [python, storage, place] = await Promise.all([
        startPython(runtime),
        persist === undefined ? null : openStorage(persist).catch(withoutStorage),
        suspends || crossOriginIsolated ? null : waiting(),
      ]);
      return { kernel: new Kernel(python, suspends, thread, storage, options, place), storage, place };
    };
    const begun = begin();
    kernel = begun.then((found) => found.kernel);
    kernel.catch(() => {}); // which is told here, and to whoever asks it for something
    const { storage, place } = await begun;
    const waits = suspends || crossOriginIsolated || place !== null;
    return { suspends, isolated: crossOriginIsolated, waits, writable: storage?.writable ?? true };
  },
  answer: () => {},
  wait: placed,
  // Not told if it fails: whoever runs the program will be.
  prefetch: (url, archive) => {
    compiled(url).catch(() => {});
    if (archive) provide(archive).catch(() => {});
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
  expire: async (pid, seconds) => (await kernel).page.expire(pid, seconds),
  processes: async () => (await kernel).processes(),
  failed,
  save: async () => {
    const { call, page } = await kernel;
    call(page.save);
  },
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
  remove: async (path) => {
    const { call, page } = await kernel;
    call(page.remove, path);
  },
  rename: async (from, to) => {
    const { call, page } = await kernel;
    call(page.rename, from, to);
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
