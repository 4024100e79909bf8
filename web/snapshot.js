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
 * Take what the module puts into a new memory from a snapshot, or put it back.
 * @param {Uint8Array} snapshot @param {number} start Where memory begins in it.
 * @param {Uint8Array} fresh What the module fills of a new memory.
 */
function combine(snapshot, start, fresh) {
  const count = fresh.length >> 2;
  const words = new Uint32Array(snapshot.buffer, snapshot.byteOffset + start, count);
  const others = new Uint32Array(fresh.buffer, fresh.byteOffset, count);
  for (let i = 0; i < count; i++) words[i] ^= others[i];
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
  combine(snapshot, start, memory.subarray(0, size));
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

/** @param {Uint8Array<ArrayBuffer>} file */
export function unpack(file) {
  const numbers = new Uint32Array(file.buffer, file.byteOffset, file.byteLength >> 2);
  const [length, start, size] = numbers;
  let end = RUNS;
  while (numbers[end + 1]) end += 2;
  const snapshot = new Uint8Array(length);
  let at = (end + 2) * 4;
  for (let i = RUNS; i < end; i += 2) {
    const [begin, length] = numbers.subarray(i, i + 2);
    snapshot.set(file.subarray(at, at + length), begin);
    at += length;
  }
  return {
    /** For Pyodide, once it is completed. */
    snapshot,
    /** Put back what the module fills. @param {ArrayBuffer} memory New, of an instance that has run nothing. */
    complete: (memory) => combine(snapshot, start, new Uint8Array(memory, 0, size)),
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
