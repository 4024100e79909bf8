/** Starts Python (Pyodide) with the kernel, and calls into it. */

import { loadPyodide } from "pyodide";

/**
 * Where the parts of Python lie.
 * @typedef {object} Runtime
 * @property {string} url The directory, with a slash at its end.
 * @property {string} library Python's standard library and the kernel: a zip archive's name.
 * @property {string} snapshot Memory to start from, compressed: a file's name.
 * @property {string} nothing An empty archive, to be given where the snapshot makes one needless.
 * @property {any} lock What Pyodide needs to know about packages: that there are none.
 */

/** @typedef {Awaited<ReturnType<typeof startPython>>} Python */

/** @param {Runtime} runtime */
async function load({ url, library, snapshot, nothing, lock }) {
  const common = { indexURL: url, lockFileContents: lock, packageBaseUrl: url };
  try {
    // What the archive holds is loaded in the snapshot.
    const memory = unpacked(url + snapshot);
    memory.catch(() => {});
    return await loadPyodide({ ...common, stdLibURL: url + nothing, _loadSnapshot: memory });
  } catch {
    // Snapshots are Pyodide's own business, and engines differ: start the long way.
    return loadPyodide({ ...common, stdLibURL: url + library });
  }
}

/** @param {string} url */
async function unpacked(url) {
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`${url}: HTTP status ${response.status}`);
  const stream = response.body.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
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
     */
    page: (door, suspends, isolated, storage) => {
      try {
        return kernel.Page(door, suspends, isolated, storage ?? undefined);
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
