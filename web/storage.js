/**
 * Files that stay: where the kernel's journal lies (`wasix/fs/journal.py`), in the origin's private
 * file system. One worker writes a journal; others can read what it had written when they looked.
 */

/**
 * Looks for a journal that a worker still has which has been ended, and milliseconds between. One that
 * is alive says so, unless a guest keeps it busy.
 */
const LOOKS = 100;
const PAUSE = 50;
/** What is asked, and answered, by those who have one. */
const WHOSE = "whose?";
const MINE = "mine";

/**
 * A part of a journal, as `wasix.web.kept.PageStore` wants it.
 * @typedef {object} Part
 * @property {(offset: number, length: number) => Uint8Array} read
 * @property {(offset: number, data: Uint8Array) => number} write
 * @property {(size: number) => void} truncate
 * @property {() => void} flush
 */

/**
 * @typedef {object} Storage
 * @property {Part[]} parts Two.
 * @property {boolean} writable False if another tab writes.
 */

/** @param {string} name Of the journal. @returns {Promise<Storage>} */
export async function openStorage(name) {
  const { storage } = navigator;
  if (!isSecureContext) throw new Error("browsers have a place for them on pages from https or localhost only");
  if (!storage?.getDirectory) throw new Error("this browser has no place for them (OPFS)");
  const root = await storage.getDirectory();
  const all = await root.getDirectoryHandle("wasix", { create: true });
  const folder = await all.getDirectoryHandle(encodeURIComponent(name), { create: true });
  const files = await Promise.all(["0", "1"].map((part) => folder.getFileHandle(part, { create: true })));
  const channel = new BroadcastChannel(`wasix ${name}`);
  const handles = await opened(files, channel);
  if (handles) {
    channel.onmessage = ({ data }) => data === WHOSE && channel.postMessage(MINE);
    return { parts: handles.map(writable), writable: true };
  }
  channel.close();
  const parts = await Promise.all(files.map(async (file) => readable(await (await file.getFile()).arrayBuffer())));
  return { parts, writable: false };
}

/**
 * The files opened for this worker alone, or null if another one has them.
 * @param {FileSystemFileHandle[]} files @param {BroadcastChannel} channel
 */
async function opened(files, channel) {
  let taken = false;
  channel.onmessage = ({ data }) => (taken ||= data === MINE);
  for (let look = 0; look < LOOKS && !taken; look++) {
    /** @type {FileSystemSyncAccessHandle[]} */
    const handles = [];
    try {
      for (const file of files) handles.push(await file.createSyncAccessHandle());
      return handles;
    } catch (error) {
      for (const handle of handles) handle.close();
      if (/** @type {DOMException} */ (error).name !== "NoModificationAllowedError") throw error;
    }
    channel.postMessage(WHOSE);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return null;
}

/** @param {FileSystemSyncAccessHandle} handle @returns {Part} */
function writable(handle) {
  return {
    read(offset, length) {
      const data = new Uint8Array(Math.max(0, Math.min(length, handle.getSize() - offset)));
      return data.subarray(0, handle.read(data, { at: offset }));
    },
    write: (offset, data) => handle.write(data, { at: offset }),
    truncate: (size) => handle.truncate(size),
    flush: () => handle.flush(),
  };
}

/** @param {ArrayBuffer} data @returns {Part} */
function readable(data) {
  const refuse = () => {
    throw new Error("another tab writes");
  };
  const read = (/** @type {number} */ offset, /** @type {number} */ length) =>
    new Uint8Array(data).subarray(offset, offset + length);
  return { read, write: refuse, truncate: refuse, flush: refuse };
}
