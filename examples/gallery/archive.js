/** Files that a program of the bundle looks for: its archive, written where the program expects them. */

/**
 * @param {import("../../web/wasix.js").Wasix["fs"]} fs @param {string} program
 * @returns {Promise<void>} Rejects if the archive cannot be fetched.
 */
export async function provide(fs, program) {
  const { programs } = await (await fetch("../manifest.json")).json();
  const { file, at } = programs[program].archive;
  const response = await fetch(`../${file}`);
  if (!response.ok || !response.body) throw new Error(`${file} cannot be fetched: HTTP status ${response.status}`);
  const unpacked = response.body.pipeThrough(new DecompressionStream("gzip"));
  const archive = new Uint8Array(await new Response(unpacked).arrayBuffer());
  await Promise.all(Array.from(files(archive), ([name, data]) => fs.writeFile(`${at}/${name}`, data)));
}

const BLOCK = 512;

/** Names and contents of the files in a tar archive (POSIX's ustar). @param {Uint8Array} tar */
function* files(tar) {
  const decoder = new TextDecoder();
  /** @type {(start: number, length: number) => string} */
  const text = (start, length) => decoder.decode(tar.subarray(start, start + length)).replace(/\0[^]*/, "");
  for (let at = 0; tar[at]; ) {
    const size = parseInt(text(at + 124, 12), 8);
    const [type, prefix, name] = [text(at + 156, 1), text(at + 345, 155), text(at, 100)];
    if (type === "0") yield /** @type {const} */ ([prefix ? `${prefix}/${name}` : name, tar.slice(at + BLOCK, at + BLOCK + size)]);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}
