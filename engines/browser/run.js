/** Compiling, linking and running a guest on the page's own engine. */

import { GATE } from "#glue";

const gate = new WebAssembly.Module(GATE);

/**
 * What a module is to be given, as `engines.js.imports.wanted` says it.
 * @typedef {object} Wanted
 * @property {[string, string, number][]} functions Module, name, call number.
 * @property {[string, string, WebAssembly.MemoryDescriptor][]} memories
 * @property {[string, string, { parameters: string[] }][]} tags
 * @property {string} [start] What was its start function: the export to call first.
 */

/** How a guest's run ended. @typedef {{ end: string, message: string }} Outcome */

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
 */
function imports({ functions, memories, tags }, calls) {
  /** @type {Record<string, Record<string, any>>} */
  const given = Object.create(null);
  const give = (/** @type {string} */ module, /** @type {string} */ name, /** @type {any} */ value) => {
    (given[module] ??= Object.create(null))[name] = value;
  };
  for (const [module, name, number] of functions) give(module, name, calls[number]);
  for (const [module, name, type] of memories) give(module, name, new WebAssembly.Memory(type));
  for (const [module, name, type] of tags) {
    // @ts-expect-error TypeScript's library does not know exception tags.
    give(module, name, new WebAssembly.Tag(type));
  }
  return given;
}

/**
 * Run a command module to its end.
 * @param {WebAssembly.Module} module @param {Wanted} wanted
 * @param {import("./guest.js").Guest} guest
 * @param {number[]} callees By call number, the address of the decoder or 0 if it is not imported.
 * @returns {Promise<Outcome>}
 */
export async function run(module, wanted, guest, callees) {
  try {
    const { calls, ...functions } = new WebAssembly.Instance(gate).exports;
    const given = imports(wanted, functions);
    // This runs a start function, which has no memory that a call could use.
    const { exports } = await WebAssembly.instantiate(module, given);
    const memory = /** @type {WebAssembly.Memory} */ (exports.memory);
    guest.open(/** @type {WebAssembly.Table} */ (calls), memory, callees);
    for (const name of [wanted.start, "_start"]) {
      if (name === undefined) continue;
      const entry = /** @type {() => unknown} */ (exports[name]);
      await (guest.carrier.suspends ? WebAssembly.promising(entry) : entry)();
    }
    return { end: "returned", message: "" };
  } catch (error) {
    if (guest.unwinding) return { end: "unwound", message: "" };
    return describe(error);
  }
}

/** @param {any} error @returns {Outcome} */
function describe(error) {
  if (error instanceof WebAssembly.LinkError || error instanceof WebAssembly.CompileError) {
    return { end: "invalid", message: error.message };
  }
  let message = String(error);
  if (error instanceof WebAssembly.RuntimeError) message = error.message;
  // Engines name it differently: RangeError in V8 and JavaScriptCore, InternalError in SpiderMonkey.
  else if (error instanceof RangeError || error?.name === "InternalError") message = "stack overflow";
  else if (isGuestException(error)) message = "an exception was thrown and not caught";
  return { end: "trapped", message };
}

/** @param {any} error */
function isGuestException(error) {
  return "Exception" in WebAssembly && error instanceof /** @type {any} */ (WebAssembly).Exception;
}
