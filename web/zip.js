/** Zip archives of a kernel's files. Loaded when there is one. */

import { unzipSync, zipSync } from "fflate";

/** @typedef {import("./wasix.js").Files} Files */

/**
 * The files below a directory, as a zip archive.
 * @param {Files} files @param {string} path
 */
export async function pack(files, path) {
  /** @type {Record<string, Uint8Array>} */
  const found = {};
  for await (const [name, data] of below(files, path, "")) found[name] = data;
  return zipSync(found);
}

/** @param {Files} files @param {string} path @param {string} prefix @returns {AsyncGenerator<[string, Uint8Array]>} */
async function* below(files, path, prefix) {
  for (const { name, directory } of await files.list(path)) {
    if (!directory) yield [prefix + name, await files.readFile(`${path}/${name}`)];
    else {
      yield [`${prefix}${name}/`, new Uint8Array()];
      yield* below(files, `${path}/${name}`, `${prefix}${name}/`);
    }
  }
}

/**
 * Write what is in a zip archive below a directory. Nothing is written if it is none, or if one of its
 * files would lie elsewhere.
 * @param {Files} files @param {Uint8Array} archive @param {string} path
 */
export async function unpack(files, archive, path) {
  /** @type {Record<string, Uint8Array>} */
  let found;
  try {
    found = unzipSync(archive);
  } catch (error) {
    throw new Error(`it is no zip archive that can be read: ${error instanceof Error ? error.message : error}`);
  }
  const astray = Object.keys(found).find((name) => name.startsWith("/") || name.split("/").includes(".."));
  if (astray !== undefined) throw new Error(`${astray}: a file of the archive would lie outside of ${path}`);
  await files.mkdir(path);
  for (const [name, data] of Object.entries(found)) {
    if (name.endsWith("/")) await files.mkdir(`${path}/${name}`);
    else await files.writeFile(`${path}/${name}`, data);
  }
}
