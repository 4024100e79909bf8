/**
 * Memory snapshots of Pyodide, as they are kept: without what is zero, and without what the module
 * itself puts into a new memory, which is a third.
 *
 * The file: 32-bit numbers, then the bytes of all runs. The numbers are the size of Pyodide's snapshot,
 * where memory begins in it, how much of it the module fills, and the runs, with begin and length.
 */

/** Where a file's list of runs begins, in numbers. */
const RUNS = 3;
/** Bytes that are zero, or not, together. */
const BLOCK = 256;

/**
 * Take from bytes what others are, or put it back.
 * @param {Uint8Array} bytes Whole 32-bit words, as `others`. @param {Uint8Array} others
 */
function combine(bytes, others) {
  const count = others.length >> 2;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, count);
  const other = new Uint32Array(others.buffer, others.byteOffset, count);
  for (let i = 0; i < count; i++) words[i] ^= other[i];
}

/** Make bytes zero, without touching memory that is so already. @param {Uint8Array} bytes */
function clear(bytes) {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  for (let i = 0; i < words.length; i++) if (words[i]) words[i] = 0;
}

/**
 * A file for a snapshot. Its memory is overwritten.
 * @param {Uint8Array} snapshot Made by Pyodide.
 * @param {Uint8Array} memory As it is after instantiation, before anything has run.
 */
export function pack(snapshot, memory) {
  const start = new Uint32Array(snapshot.buffer, snapshot.byteOffset)[1];
  let size = memory.length;
  while (size && !memory[size - 1]) size--;
  size = Math.ceil(size / 4) * 4;
  combine(snapshot.subarray(start), memory.subarray(0, size));
  /** @type {{ begin: number, length: number }[]} */
  const runs = [];
  for (let at = 0; at < snapshot.length; at += BLOCK) {
    const block = snapshot.subarray(at, at + BLOCK);
    if (block.every((byte) => !byte)) continue;
    const last = runs.at(-1);
    if (last && last.begin + last.length === at) last.length += block.length;
    else runs.push({ begin: at, length: block.length });
  }
  const numbers = [snapshot.length, start, size, ...runs.flatMap(({ begin, length }) => [begin, length]), 0, 0];
  const parts = runs.map(({ begin, length }) => snapshot.subarray(begin, begin + length));
  return [new Uint8Array(Uint32Array.from(numbers).buffer), ...parts];
}

/** @param {Uint8Array<ArrayBuffer>} file It is in use until memory is restored. */
export function unpack(file) {
  const numbers = new Uint32Array(file.buffer, file.byteOffset, file.byteLength >> 2);
  const [length, start, size] = numbers;
  let end = RUNS;
  while (numbers[end + 1]) end += 2;
  const head = new Uint8Array(start);
  /** Of memory. @type {{ begin: number, bytes: Uint8Array }[]} */
  const runs = [];
  let at = (end + 2) * 4;
  for (let i = RUNS; i < end; i += 2) {
    const [begin, length] = numbers.subarray(i, i + 2);
    const bytes = file.subarray(at, at + length);
    const before = Math.min(Math.max(start - begin, 0), length);
    if (before) head.set(bytes.subarray(0, before), begin);
    if (before < length) runs.push({ begin: begin + before - start, bytes: bytes.subarray(before) });
    at += length;
  }
  let fresh = new Uint8Array();
  return {
    /** The snapshot without its memory, for Pyodide. */
    head,
    /** Its length, and so that of the memory it wants. */
    length,
    /** Note what the module fills. @param {ArrayBuffer} memory New, of an instance that has run nothing. */
    note: (memory) => (fresh = new Uint8Array(memory.slice(0, size))),
    /** What is zero is not written, so that nothing is taken for it. @param {Uint8Array} memory Of that instance. */
    restore(memory) {
      memory.set(fresh);
      let done = size;
      for (const { begin, bytes } of runs) {
        const filled = Math.min(Math.max(size - begin, 0), bytes.length);
        if (filled) combine(memory.subarray(begin, begin + filled), bytes.subarray(0, filled));
        memory.set(bytes.subarray(filled), begin + filled);
        if (begin > done) clear(memory.subarray(done, begin));
        done = Math.max(done, begin + bytes.length);
      }
      clear(memory.subarray(done));
    },
  };
}

/**
 * Be told of the memory of Pyodide's instance, before anything runs.
 * @param {any} settings Of its module. @param {(memory: ArrayBuffer) => void} told
 */
export function instantiated(settings, told) {
  const { instantiateWasm } = settings;
  /** @param {object} imports @param {(instance: WebAssembly.Instance, module: WebAssembly.Module) => void} done */
  settings.instantiateWasm = (imports, done) =>
    instantiateWasm(imports, (/** @type {any} */ instance, /** @type {any} */ module) => {
      told(instance.exports.memory.buffer);
      done(instance, module);
    });
}
