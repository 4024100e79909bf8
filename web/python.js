/** Starts Python (Pyodide) with the kernel, and calls into it. */

import { loadPyodide } from "pyodide";

import { instantiated, unpack } from "./snapshot.js";
import { unpacked } from "./unpacked.js";

/**
 * Where the parts of Python lie.
 * @typedef {object} Runtime
 * @property {string} url The directory, with a slash at its end.
 * @property {string} library Python's standard library and the kernel: a zip archive's name.
 * @property {string} snapshot Memory to start from: a file's name. There is a compressed one with `.gz`.
 * @property {boolean} [compresses] Whether the server seems to compress as well as can be.
 * @property {string} nothing An empty archive, to be given where the snapshot makes one needless.
 * @property {any} lock What Pyodide needs to know about packages: that there are none.
 */

/** @typedef {Awaited<ReturnType<typeof startPython>>} Python */

/** @param {Runtime} runtime */
async function load({ url, library, snapshot, compresses, nothing, lock }) {
  // None of what is fetched waits for another.
  const script = import(`${url}pyodide.asm.mjs`);
  const common = { indexURL: url, lockFileContents: lock, packageBaseUrl: url };
  try {
    const found = fetched(url + snapshot, compresses).then(unpack);
    const head = found.then(({ head }) => head);
    head.catch(() => {});
    return await loadPyodide({
      ...common,
      // What the archive holds is loaded in the snapshot.
      stdLibURL: url + nothing,
      _loadSnapshot: head,
      createPyodideModule: async (settings) => {
        const { length, note, restore } = await found;
        settings.INITIAL_MEMORY = length;
        instantiated(settings, note);
        const module = await (await script).default(settings);
        // What Pyodide would do next, with a head that has a memory behind it.
        restore(module.HEAPU8);
        return module;
      },
    });
  } catch {
    // Snapshots are Pyodide's own business, and engines differ: start the long way.
    return loadPyodide({ ...common, stdLibURL: url + library });
  }
}

/** What the service worker has kept of it, which needs no unpacking; else from the network. @param {string} url @param {boolean} [compresses] */
async function fetched(url, compresses) {
  const kept = await globalThis.caches?.match(url).catch(() => undefined); // as in a sandboxed frame
  const response = kept ?? (await unpacked(url, compresses));
  return new Uint8Array(await response.arrayBuffer());
}

/** @param {Runtime} runtime */
export async function startPython(runtime) {
  const pyodide = await load(runtime);
  const kernel = pyodide.pyimport("wasix.web.page");
  return {
    /** What it is made of: linear memory, and functions of CPython's. @type {any} */
    module: /** @type {any} */ (pyodide)._module,

    /**
     * The kernel.
     * @param {any} door @param {boolean} suspends @param {boolean} isolated
     * @param {import("./storage.js").Storage | null} storage
     * @param {(number | undefined)[]} limits @param {boolean} held
     */
    page: (door, suspends, isolated, storage, limits, held) => {
      try {
        return kernel.Page(door, suspends, isolated, storage ?? undefined, ...limits, held);
      } catch (error) {
        throw said(error);
      }
    },

    /**
     * Call Python with values of any kind; strings and numbers need no help.
     * Throws an `Error` whose message is for a person.
     * @param {(...args: any[]) => any} method @param {any[]} args
     */
    call(method, ...args) {
      const given = args.map((arg) => (arg !== null && typeof arg === "object" ? pyodide.toPy(arg) : (arg ?? undefined)));
      try {
        return method(...given);
      } catch (error) {
        throw said(error);
      } finally {
        for (const arg of given) arg?.destroy?.();
      }
    },
  };
}

/** What a Python exception says, without the traceback if it was made for a person. @param {any} error */
function said(error) {
  const text = String(error?.message ?? error);
  const found = /(?:^|\n)wasix\.web\.page\.PageError: ([^]*)$/.exec(text);
  return new Error((found ? found[1] : text).trim());
}
