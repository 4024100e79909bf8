/**
 * A guest's linear memory as the glue sees it, and the moving of bytes between that and the kernel's
 * staging area. Addresses and lengths are checked by the glue before anything is moved.
 */

import { DATA, FAULT, INVAL, MAX_BUFFERS, MAX_TRANSFER, UNWOUND } from "#glue";

// A thrown exception could be caught by the guest's catch_all; a trap cannot. So what must not
// return goes through a module whose only function is `unreachable`.
const { trap } = /** @type {{ trap: () => never }} */ (
  new WebAssembly.Instance(
    new WebAssembly.Module(
      // prettier-ignore
      Uint8Array.of(
        0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0,
        7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0, 11,
      ),
    ),
  ).exports
);

/** Below this many bytes a loop is faster than `set(subarray)`. */
const FEW = 24;

/** The staging area: `size` bytes from `base` on in the heap of Python's own linear memory. */
export class Stage {
  base = 0;
  size = 0;
  #grow;
  #locate;

  /**
   * @param {{ HEAPU8: Uint8Array }} heap Python's linear memory; the array changes when it grows.
   * @param {() => { base: number, size: number }} locate Where the area lies now.
   * @param {(size: number) => boolean} grow
   */
  constructor(heap, locate, grow) {
    this.heap = heap;
    this.#locate = locate;
    this.#grow = grow;
    this.refresh();
  }

  /** Look again where the area lies, after Python may have made it larger. */
  refresh() {
    const { base, size } = this.#locate();
    this.base = base;
    this.size = size;
  }

  /** Make room for `size` bytes. @param {number} size */
  reserve(size) {
    if (size <= this.size) return true;
    const grown = this.#grow(size);
    this.refresh();
    return grown;
  }
}

/**
 * What a guest thread waits by.
 * @typedef {object} Carrier
 * @property {boolean} suspends Whether the engine can suspend a guest.
 * @property {() => boolean} mayGoOn False if others should get their turn.
 * @property {() => void} refuse Ends the program because it would have to wait and cannot.
 * @property {(answer: number, call: () => number) => Promise<number>} wait
 *   Resolves to the errno of `call`, made again until it does not wait, or to `UNWOUND`.
 */

/** One guest thread's view of its linear memory. */
export class Guest {
  /** @type {{ readonly buffer: ArrayBufferLike }} */
  memory = { buffer: new ArrayBuffer(0) };
  /** @type {Uint8Array} */
  bytes = new Uint8Array();
  /** @type {DataView} */
  view = new DataView(new ArrayBuffer(0));
  size = 0;
  /** Set when the guest unwinds because it was told to, not because it trapped. */
  unwinding = false;

  #count = 0;
  #spans = new Uint32Array(64);

  /** @param {import("./caller.js").Caller} python @param {Stage} stage @param {Carrier} carrier */
  constructor(python, stage, carrier) {
    this.python = python;
    this.stage = stage;
    this.carrier = carrier;
  }

  /** Renew the views when the memory has grown. */
  look() {
    if (this.bytes.buffer !== this.memory.buffer) {
      this.bytes = new Uint8Array(this.memory.buffer);
      this.view = new DataView(this.memory.buffer);
      this.size = this.bytes.length;
    }
  }

  /** Copy out of the guest. @param {number} pointer @param {number} length @param {number} place */
  send(pointer, length, place) {
    const { heap, base } = this.stage;
    copy(this.bytes, pointer, length, heap.HEAPU8, base + place);
  }

  /** Copy into the guest. @param {number} place @param {number} length @param {number} pointer */
  receive(place, length, pointer) {
    const { heap, base } = this.stage;
    copy(heap.HEAPU8, base + place, length, this.bytes, pointer);
  }

  /**
   * Take in an (c)iovec array.
   * @param {number} pointer @param {number} count
   * @returns {number} The bytes in its buffers, or `-errno`.
   */
  buffers(pointer, count) {
    const { size, view } = this;
    if (count && pointer + 8 * count > size) return -FAULT;
    if (count > MAX_BUFFERS) return -INVAL;
    if (2 * count > this.#spans.length) this.#spans = new Uint32Array(4 * count);
    const spans = this.#spans;
    let total = 0;
    for (let i = 0; i < 2 * count; i += 2, pointer += 8) {
      const start = view.getUint32(pointer, true);
      let length = view.getUint32(pointer + 4, true);
      if (length && start + length > size) return -FAULT;
      if (length > MAX_TRANSFER - total) length = MAX_TRANSFER - total;
      spans[i] = start;
      spans[i + 1] = length;
      total += length;
    }
    this.#count = 2 * count;
    return total;
  }

  /** Copy the contents of the buffers out of the guest. @param {number} place */
  gather(place) {
    const { heap, base } = this.stage;
    const spans = this.#spans;
    place += base;
    for (let i = 0; i < this.#count; i += 2) {
      copy(this.bytes, spans[i], spans[i + 1], heap.HEAPU8, place);
      place += spans[i + 1];
    }
  }

  /** Fill the buffers front to back. @param {number} place @param {number} length */
  scatter(place, length) {
    const { heap, base } = this.stage;
    const spans = this.#spans;
    place += base;
    for (let i = 0; length > 0 && i < this.#count; i += 2) {
      const part = Math.min(length, spans[i + 1]);
      copy(heap.HEAPU8, place, part, this.bytes, spans[i]);
      place += part;
      length -= part;
    }
  }

  /**
   * Store strings, each with its NUL, and the addresses they get. False if they do not fit.
   * @param {number} length Bytes of all of them. @param {number} pointers @param {number} area
   */
  strings(length, pointers, area) {
    this.stage.refresh();
    const { heap, base } = this.stage;
    const data = heap.HEAPU8.subarray(base + DATA, base + DATA + length);
    const starts = [0];
    for (let end = data.indexOf(0); end >= 0; end = data.indexOf(0, end + 1)) starts.push(end + 1);
    starts.pop();
    if (pointers + 4 * starts.length > this.size || area + length > this.size) return false;
    this.bytes.set(data, area);
    starts.forEach((start, index) => this.view.setUint32(pointers + 4 * index, area + start, true));
    return true;
  }

  /** Whether all of some memory is UTF-8. @param {number[]} spans Addresses and lengths. */
  isText(...spans) {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    try {
      for (let i = 0; i < spans.length; i += 2) {
        decoder.decode(this.bytes.slice(spans[i], spans[i] + spans[i + 1]));
      }
      return true;
    } catch {
      return false;
    }
  }

  /** Make `call` an import that can suspend the guest. @param {Function} call @returns {any} */
  suspending(call) {
    return this.carrier.suspends ? new WebAssembly.Suspending(call) : call;
  }

  mayGoOn() {
    return this.carrier.mayGoOn();
  }

  /**
   * Suspend the guest until `call` is done.
   * @param {number} answer What it answered first: a wait, an unwinding, or an errno to be given
   *   after others had their turn.
   * @param {(...args: any[]) => number} call @param {any[]} args
   */
  wait(answer, call, args) {
    const { carrier } = this;
    if (answer !== UNWOUND && !carrier.suspends) {
      carrier.refuse();
      answer = UNWOUND;
    }
    if (answer === UNWOUND) return this.leave();
    return carrier
      .wait(answer, () => call(...args))
      .then((errno) => (errno === UNWOUND ? this.leave() : errno));
  }

  /** Unwind the guest. @returns {never} */
  leave() {
    this.unwinding = true;
    return trap();
  }
}

/**
 * @param {Uint8Array} source @param {number} start @param {number} length
 * @param {Uint8Array} target @param {number} at
 */
function copy(source, start, length, target, at) {
  if (length < FEW) for (let i = 0; i < length; i++) target[at + i] = source[start + i];
  else target.set(source.subarray(start, start + length), at);
}
