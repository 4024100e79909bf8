/** Files that a user gives to a page: chosen, dropped, or whole folders; each with its path in there. */

/** @typedef {[path: string, file: File]} Incoming */

/** From an `input`, which may be one for folders. @param {Iterable<File>} files @returns {Incoming[]} */
export function chosen(files) {
  return Array.from(files, (file) => [file.webkitRelativePath || file.name, file]);
}

/** @param {DataTransfer} transfer Of a drop; it can be asked only while that is dealt with. @returns {AsyncIterable<Incoming>} */
export function dropped(transfer) {
  const items = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.());
  const entries = items.filter((entry) => entry !== null && entry !== undefined);
  const files = chosen(transfer.files);
  return (async function* () {
    if (entries.length) for (const entry of entries) yield* below(entry, entry.name);
    else yield* files;
  })();
}

/** @param {FileSystemEntry} entry @param {string} path @returns {AsyncGenerator<Incoming>} */
async function* below(entry, path) {
  if (entry.isFile) {
    const source = /** @type {FileSystemFileEntry} */ (entry);
    yield [path, await new Promise((resolve, reject) => source.file(resolve, reject))];
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const found of entries) yield* below(found, `${path}/${found.name}`);
  }
}

/** Whether the browser can show a user its folders to pick one. */
export const picks = "showDirectoryPicker" in globalThis;

/** A folder that the user picks; nothing if they think better of it. @returns {AsyncGenerator<Incoming>} */
export async function* picked() {
  /** @type {FileSystemDirectoryHandle} */
  let folder;
  try {
    folder = await /** @type {any} */ (globalThis).showDirectoryPicker();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return;
    throw error;
  }
  yield* inside(folder, folder.name);
}

/** @param {FileSystemDirectoryHandle} folder @param {string} path @returns {AsyncGenerator<Incoming>} */
async function* inside(folder, path) {
  for await (const [name, handle] of /** @type {any} */ (folder).entries()) {
    if (handle.kind === "file") yield [`${path}/${name}`, await handle.getFile()];
    else yield* inside(handle, `${path}/${name}`);
  }
}
