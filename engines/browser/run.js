/** Compiling, linking and running a guest on the page's own engine. */

import { DID_NOT_REWIND, FILLER, GATE, PAGE } from "#glue";

import { describe, trapped } from "./outcome.js";

/** @typedef {import("./guest.js").Guest} Guest @typedef {import("./outcome.js").Outcome} Outcome */

const gate = new WebAssembly.Module(GATE);
const filler = new WebAssembly.Module(FILLER);

/**
 * What a module is to be given, as `engines.js.imports.wanted` says it.
 * @typedef {object} Wanted
 * @property {[string, string, number][]} functions Module, name, call number.
 * @property {[string, string, WebAssembly.MemoryDescriptor][]} memories
 * @property {[string, string, { parameters: string[] }][]} tags
 * @property {[string, string][]} [variables] Name and type of what a copy of it needs.
 * @property {[string, number[]]} [waits] If it waits at shared memory, the table for the functions
 *   that do it, and their call numbers.
 * @property {string} [start] What was its start function: the export to call first.
 */

/** Compile while it is being fetched. @param {string | URL} url */
export async function compile(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be fetched: HTTP status ${response.status}`);
  // Streaming asks for this very type, which not every file host knows.
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("application/wasm")) return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

/**
 * @param {Wanted} wanted
 * @param {WebAssembly.Exports} calls By call number.
 * @param {WebAssembly.Memory[]} memories In the order in which they are wanted.
 */
function imports(wanted, calls, memories) {
  /** @type {Record<string, Record<string, any>>} */
  const given = Object.create(null);
  const give = (/** @type {string} */ module, /** @type {string} */ name, /** @type {any} */ value) => {
    (given[module] ??= Object.create(null))[name] = value;
  };
  for (const [module, name, number] of wanted.functions) give(module, name, calls[number]);
  wanted.memories.forEach(([module, name], index) => give(module, name, memories[index]));
  for (const [module, name, type] of wanted.tags) {
    // @ts-expect-error TypeScript's library does not know exception tags.
    give(module, name, new WebAssembly.Tag(type));
  }
  return given;
}

/**
 * Where a guest goes on that was copied from another.
 * @typedef {object} Snapshot
 * @property {{ size: number }} memory
 * @property {number} area Where its stack is.
 * @property {number} answer What the call answers that it is in.
 */

/**
 * The kernel's side of a guest's instance: `wasix.web.programs.Task`.
 * @typedef {object} Task
 * @property {string} entry The export to call.
 * @property {Iterable<number>} arguments
 * @property {WebAssembly.Memory[] | undefined} memories Those of another thread, to share them.
 * @property {(view: import("./guest.js").View, memories: WebAssembly.Memory[]) => unknown} opened
 * @property {() => unknown} restore Gives it the memory of its snapshot.
 * @property {(area: number) => number | undefined | Promise<number | undefined>} suspended
 */

/**
 * Run a command module to its end.
 * @param {WebAssembly.Module} module @param {Wanted} wanted @param {Guest} guest @param {Task} task
 * @param {number[]} callees By call number, the address of the decoder or 0 if it is not imported.
 * @param {Snapshot | null} snapshot Where it goes on, instead of beginning.
 * @returns {Promise<Outcome>}
 */
export async function run(module, wanted, guest, task, callees, snapshot) {
  const { suspends, stack } = guest.carrier;
  try {
    const { calls, ...functions } = new WebAssembly.Instance(gate).exports;
    const memories = task.memories ?? wanted.memories.map(([, , type]) => new WebAssembly.Memory(type));
    const given = imports(wanted, functions, memories);
    // This runs a start function, which has no memory that a call could use.
    const { exports } = await WebAssembly.instantiate(module, given);
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    stack.open(exports, names, wanted.variables);
    const memory = /** @type {WebAssembly.Memory} */ (exports.memory);
    guest.open(/** @type {WebAssembly.Table} */ (calls), memory, callees);
    if (wanted.waits) {
      const [table, numbers] = wanted.waits;
      const waits = Object.fromEntries(numbers.map((number, index) => [index, functions[number]]));
      new WebAssembly.Instance(filler, { "": { ...waits, table: exports[table] } });
    }
    await task.opened(guest.view(), memories);
    const enter = (/** @type {string} */ name, /** @type {number[]} */ ...given) => {
      const entry = /** @type {(...given: number[]) => unknown} */ (exports[name]);
      return suspends ? WebAssembly.promising(entry)(...given) : entry(...given);
    };
    const started = [...task.arguments];
    if (snapshot) {
      memory.grow((snapshot.memory.size - memory.buffer.byteLength) / PAGE);
      await task.restore();
      stack.adopt(snapshot.area);
      if (!stack.rewind(snapshot.answer)) return ended(guest);
    } else if (wanted.start) {
      await enter(wanted.start);
    }
    for (;;) {
      await enter(task.entry, ...started);
      if (stack.lost) return trapped(DID_NOT_REWIND);
      if (!stack.unwound) return { end: "returned", message: "" };
      const area = stack.take();
      const answer = area === null ? undefined : await task.suspended(area);
      if (answer === undefined || !stack.rewind(answer)) return ended(guest);
    }
  } catch (error) {
    return guest.unwinding ? ended(guest) : describe(error);
  }
}

/** How a guest has ended that did not do so by itself. @param {Guest} guest @returns {Outcome} */
const ended = ({ carrier }) => carrier.stack.fate ?? { end: "unwound", message: "" };
