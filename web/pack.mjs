/**
 * Packs Python for the page: the modules of the standard library that start-up and the kernel load,
 * and the kernel, compiled by the very Python that will run them.
 *
 *     node pack.mjs PYODIDE SOURCES OUT
 *
 * PYODIDE is the npm package's directory; SOURCES a JSON file {path in the archive: file}; OUT the
 * zip archive to write. It is not compressed, since web servers compress better than zip does.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";

const [pyodidePath, sources, out] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodidePath}/pyodide.mjs`).href);
const python = await loadPyodide();
for (const [path, file] of Object.entries(JSON.parse(readFileSync(sources, "utf8")))) {
  python.FS.mkdirTree(dirname(`/kernel/${path}`));
  python.FS.writeFile(`/kernel/${path}`, readFileSync(file));
}
const pack = readFileSync(new URL("pack.py", import.meta.url), "utf8");
python.runPython(pack, { filename: "pack.py" });
writeFileSync(out, python.FS.readFile("/packed.zip"));
