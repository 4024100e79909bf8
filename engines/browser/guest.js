/**
 * A guest's side of the door (`door.wat.j2`): what its calls need of JavaScript. Addresses and
 * lengths are checked by the door before anything is asked for here.
 */

import { ARGUMENTS_SIZE, DATA, DOOR, DOOR_ONE_MEMORY, ILSEQ } from "#glue";

// Engines without multi-memory let JavaScript move the bytes.
const twoMemories = WebAssembly.validate(DOOR) ? new WebAssembly.Module(DOOR) : null;
const oneMemory = new WebAssembly.Module(DOOR_ONE_MEMORY);

/**
 * What the door needs of Pyodide: the exports of its instance, which it keeps for extension modules.
 * @typedef {WebAssembly.Exports & {
 *   memory: WebAssembly.Memory,
 *   HEAPU8: Uint8Array,
 *   _malloc: (size: number) => number,
 *   PyProxy_getPtr: (proxy: any) => number,
 * }} Python
 */

/** @param {number} value */
const variable = (value) => new WebAssembly.Global({ value: "i32", mutable: true }, value);

/** The staging area, in Python's linear memory; shared by all guests. */
export class Stage {
  base = variable(0);
  size = variable(0);
  #locate;

  /**
   * @param {Python} python
   * @param {() => { base: number, size: number }} locate Where the area lies now.
   * @param {(size: number) => boolean} grow
   */
  constructor(python, locate, grow) {
    this.python = python;
    this.arguments = python._malloc(ARGUMENTS_SIZE);
    this.#locate = locate;
    this.grow = (/** @type {number} */ size) => {
      const grown = grow(size);
      this.refresh();
      return grown;
    };
    this.refresh();
  }

  /** Look again where the area lies, after Python may have made it larger. */
  refresh() {
    const { base, size } = this.#locate();
    this.base.value = base;
    this.size.value = size;
  }
}

/**
 * What a guest thread waits by.
 * @typedef {object} Carrier
 * @property {WebAssembly.Global} credit Calls until `mayGoOn` is to be asked.
 * @property {boolean} suspends Whether the engine can suspend a guest.
 * @property {WebAssembly.Global} made Counts calls.
 * @property {() => boolean} mayGoOn False if others should get their turn.
 * @property {(answer: number) => number | Promise<number>} wait
 *   Given the answer of a call, what it answers in the end: `AGAIN` if it is to be made again,
 *   `UNWOUND` if the guest must not go on.
 * @property {() => void} finished A call that had waited is done.
 * @property {import("./stack.js").Stack} stack
 * @property {() => number | Promise<number>} reached As `wait`, for a call that is but a place on
 *   a stack that is unwound or rewound.
 */

/** A guest's memory as the kernel looks into it: `wasix.web.memory.Guest`. */
export class View {
  /** @param {WebAssembly.Memory} memory */
  constructor(memory) {
    this.memory = memory;
  }

  size() {
    return this.memory.buffer.byteLength;
  }

  /** @param {number} at @param {number} length */
  read(at, length) {
    return new Uint8Array(this.memory.buffer, at, length);
  }

  /** @param {number} at @param {number} length */
  room(at, length) {
    return this.read(at, length);
  }

  /** What was put where there was room is stored already. */
  write() {}
}

/** One guest thread. */
export class Guest {
  /** @type {WebAssembly.Memory} */
  memory = new WebAssembly.Memory({ initial: 0 });
  /** Set when the guest unwinds because it was told to, not because it trapped. */
  unwinding = false;
  #bytes = new Uint8Array();
  #view = new DataView(new ArrayBuffer(0));

  /** @param {Stage} stage @param {Carrier} carrier */
  constructor(stage, carrier) {
    this.stage = stage;
    this.carrier = carrier;
  }

  /**
   * Let the guest's calls through.
   * @param {WebAssembly.Table} calls The table of its gate.
   * @param {WebAssembly.Memory} memory
   * @param {number[]} callees By call number, the address of the decoder or 0 if it is not imported.
   */
  open(calls, memory, callees) {
    const { carrier, stage } = this;
    this.memory = memory;
    const suspending = (/** @type {Function} */ call) =>
      carrier.suspends ? new WebAssembly.Suspending(call) : call;
    const shared = !(memory.buffer instanceof ArrayBuffer);
    const module = (!shared && twoMemories) || oneMemory;
    new WebAssembly.Instance(module, {
      python: stage.python,
      stage: {
        arguments: stage.arguments,
        base: stage.base,
        size: stage.size,
        grow: stage.grow,
      },
      carrier: {
        credit: carrier.credit,
        made: carrier.made,
        mayGoOn: () => carrier.mayGoOn(),
        wait: suspending((/** @type {number} */ answer) => carrier.wait(answer)),
        finished: () => carrier.finished(),
        apart: carrier.stack.apart,
        reached: suspending(() => carrier.reached()),
      },
      guest: {
        memory,
        leave: () => {
          this.unwinding = true;
        },
        ...this.#moves(),
      },
      gate: { calls },
      callees: /** @type {any} */ (callees),
    });
  }

  /** As the kernel looks into it. */
  view() {
    return new View(this.memory);
  }

  #look() {
    if (this.#bytes.buffer !== this.memory.buffer) {
      this.#bytes = new Uint8Array(this.memory.buffer);
      this.#view = new DataView(this.memory.buffer);
    }
  }

  /** What JavaScript does in linear memory. Addresses come as signed numbers. */
  #moves() {
    const { python } = this.stage;
    return {
      pages: () => this.memory.buffer.byteLength / 65536,
      load: (/** @type {number} */ pointer) => {
        this.#look();
        return this.#view.getInt32(pointer >>> 0, true);
      },
      store: (/** @type {number} */ pointer, /** @type {number} */ value) => {
        this.#look();
        this.#view.setInt32(pointer >>> 0, value, true);
      },
      send: (/** @type {number} */ pointer, /** @type {number} */ length, /** @type {number} */ to) => {
        this.#look();
        copy(this.#bytes, pointer >>> 0, length, python.HEAPU8, to >>> 0);
      },
      receive: (/** @type {number} */ from, /** @type {number} */ length, /** @type {number} */ pointer) => {
        this.#look();
        copy(python.HEAPU8, from >>> 0, length, this.#bytes, pointer >>> 0);
      },
      strings: (/** @type {number} */ length, /** @type {number} */ pointers, /** @type {number} */ text) =>
        this.#strings(length, pointers >>> 0, text >>> 0),
      unlessText: (/** @type {number} */ errno, /** @type {number} */ text, /** @type {number} */ length) =>
        this.#isText(text >>> 0, length >>> 0) ? errno : ILSEQ,
    };
  }

  /**
   * Store strings, each with its NUL, and the addresses they get. False if they do not fit.
   * @param {number} length Bytes of all of them. @param {number} pointers @param {number} area
   */
  #strings(length, pointers, area) {
    this.#look();
    this.stage.refresh();
    const start = this.stage.base.value + DATA;
    const data = this.stage.python.HEAPU8.subarray(start, start + length);
    const starts = [0];
    for (let end = data.indexOf(0); end >= 0; end = data.indexOf(0, end + 1)) starts.push(end + 1);
    starts.pop();
    const size = this.#bytes.length;
    if (pointers + 4 * starts.length > size || area + length > size) return false;
    this.#bytes.set(data, area);
    starts.forEach((start, index) => this.#view.setUint32(pointers + 4 * index, area + start, true));
    return true;
  }

  /** @param {number} pointer @param {number} length */
  #isText(pointer, length) {
    this.#look();
    try {
      // A copy, since decoders refuse memory that is shared.
      const bytes = this.#bytes.slice(pointer, pointer + length);
      new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      return true;
    } catch {
      return false;
    }
  }
}

/** Below this many bytes a loop is faster than `set(subarray)`. */
const FEW = 24;

/**
 * @param {Uint8Array} source @param {number} start @param {number} length
 * @param {Uint8Array} target @param {number} at
 */
function copy(source, start, length, target, at) {
  if (length < FEW) for (let i = 0; i < length; i++) target[at + i] = source[start + i];
  else target.set(source.subarray(start, start + length), at);
}
