/**
 * Packs Python for the page.
 *
 *     node pack.mjs PYODIDE LIBRARY KERNEL FOLDER
 *
 * PYODIDE is the npm package's directory; LIBRARY a zip archive of Python's library with the kernel in
 * it; KERNEL the names of the kernel's modules, with commas between them. Written to FOLDER are:
 *
 * - `python.zip`: the modules of the library that start-up and the kernel load, and the kernel,
 *   compiled by the very Python that will run them. It is not compressed, since web servers
 *   compress better than zip does.
 * - `python.snapshot`: Python's memory after it has started and loaded all of that. Most pages
 *   start from it, in about half the time, and never ask for the archive.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { instantiated, pack } from "./snapshot.js";

const [pyodide, library, kernel, folder] = process.argv.slice(2);
// What runs becomes `sys.executable`, which is in the snapshot; where it lies here is nobody's business.
process.argv[1] = "/python";
const [{ loadPyodide }, { default: createPyodideModule }] = await Promise.all(
  ["pyodide.mjs", "pyodide.asm.mjs"].map((name) => import(pathToFileURL(`${pyodide}/${name}`).href)),
);

const packer = await loadPyodide({ stdLibURL: library });
packer.globals.set("kernel", packer.toPy(kernel.split(",")));
const script = readFileSync(new URL("pack.py", import.meta.url), "utf8");
const modules = packer.runPython(script, { filename: "pack.py" }).toJs();
const archive = `${folder}/python.zip`;
writeFileSync(archive, packer.FS.readFile("/packed.zip"));

// The same sources are to make the same snapshot. Nothing in it is a secret, nor could be.
Date.now = performance.now = () => 0;
crypto.getRandomValues = (array) => array;

/** As it is before anything has run. @type {Uint8Array} */
let memory;
const python = await loadPyodide({
  stdLibURL: archive,
  env: { PYTHONHASHSEED: "0" },
  _makeSnapshot: true,
  createPyodideModule: (settings) => {
    instantiated(settings, (fresh) => (memory = new Uint8Array(fresh.slice())));
    return createPyodideModule(settings);
  },
});
for (const module of modules) python.pyimport(module).destroy();
const gc = python.pyimport("gc");
gc.collect();
gc.destroy();
writeFileSync(`${folder}/python.snapshot`, Buffer.concat(pack(python.makeMemorySnapshot(), memory)));
