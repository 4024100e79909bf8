/**
 * Packs Python for the page.
 *
 *     node pack.mjs PYODIDE SOURCES FOLDER
 *
 * PYODIDE is the npm package's directory; SOURCES a JSON file {path in the archive: file}. Written to
 * FOLDER are:
 *
 * - `python.zip`: the modules of the standard library that start-up and the kernel load, and the
 *   kernel, compiled by the very Python that will run them. It is not compressed, since web servers
 *   compress better than zip does.
 * - `python.snapshot.gz`: Python's memory after it has started and loaded all of that. Most pages
 *   start from it, in about half the time, and never ask for the archive.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const [pyodide, sources, folder] = process.argv.slice(2);
// What runs becomes `sys.executable`, which is in the snapshot; where it lies here is nobody's business.
process.argv[1] = "/python";
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`).href);

const packer = await loadPyodide();
for (const [path, file] of Object.entries(JSON.parse(readFileSync(sources, "utf8")))) {
  packer.FS.mkdirTree(dirname(`/kernel/${path}`));
  packer.FS.writeFile(`/kernel/${path}`, readFileSync(file));
}
const pack = readFileSync(new URL("pack.py", import.meta.url), "utf8");
const modules = packer.runPython(pack, { filename: "pack.py" }).toJs();
const archive = `${folder}/python.zip`;
writeFileSync(archive, packer.FS.readFile("/packed.zip"));

const python = await loadPyodide({ stdLibURL: archive, _makeSnapshot: true });
for (const module of modules) python.pyimport(module).destroy();
writeFileSync(`${folder}/python.snapshot.gz`, gzipSync(python.makeMemorySnapshot(), { level: 9 }));
