/** Starts Python (Pyodide) with the kernel, and calls into it. */

import { loadPyodide } from "pyodide";

/**
 * Where the parts of Python lie.
 * @typedef {object} Runtime
 * @property {string} url The directory, with a slash at its end.
 * @property {string} library Python's standard library and the kernel: a zip archive's name.
 * @property {any} lock What Pyodide needs to know about packages: that there are none.
 */

/** @typedef {Awaited<ReturnType<typeof startPython>>} Python */

/** @param {Runtime} runtime */
export async function startPython({ url, library, lock }) {
  const pyodide = await loadPyodide({
    indexURL: url,
    stdLibURL: url + library,
    lockFileContents: lock,
    packageBaseUrl: url,
  });
  const kernel = pyodide.pyimport("wasix.web.page");
  return {
    /** What it is made of: linear memory, and functions of CPython's. @type {any} */
    module: /** @type {any} */ (pyodide)._module,

    /** The kernel. @param {any} door @param {boolean} suspends */
    page: (door, suspends) => kernel.Page(door, suspends),

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
