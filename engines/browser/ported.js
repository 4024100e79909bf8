/**
 * How the two workers of a guest thread reach each other where they cannot share memory, but guests can
 * be suspended (JSPI): by messages. The guest's worker waits for the answer as a promise.
 *
 * The kernel's cannot wait for what it wishes. So a request by which the kernel may look into the
 * guest's memory brings a copy of it, and the answer what is to be written.
 */

import { ANSWERED, Box, LENGTH, WISH } from "./box.js";

/** @typedef {import("./host.js").End} KernelEnd @typedef {import("./remote.js").End} GuestEnd */

/** @typedef {{ letter: Uint8Array, memory?: Uint8Array }} Request */
/** @typedef {{ letter: Uint8Array, written: { at: number, bytes: Uint8Array }[] }} Answer */

/** The kernel's end. @implements {KernelEnd} */
export class PortEnd {
  box = new Box();
  /** What the guest's worker needs for its end: nothing. */
  given = {};
  /** Sends an answer there. @type {(answer: Answer) => void} */
  send = () => {};
  /** @type {Uint8Array | null} */
  #memory = null;
  /** @type {Answer["written"]} */
  #written = [];

  /** @param {Request} request */
  take({ letter, memory }) {
    this.#memory = memory ?? null;
    this.box.openRequest(letter);
    return true;
  }

  listen() {}

  more() {
    return false;
  }

  answer() {
    const { box } = this;
    box.words[ANSWERED] = 1;
    this.send({ letter: box.letter(box.words[LENGTH]), written: this.#written });
    this.#written = [];
    this.#memory = null;
  }

  /** @param {number} wish */
  wish(wish) {
    const { numbers, words, bytes } = this.box;
    if (!this.#memory) throw new Error("the request brought no memory");
    const at = Number(numbers[0]);
    const length = words[LENGTH];
    if (wish === WISH.READ) bytes.set(this.#memory.subarray(at, at + length));
    else this.#written.push({ at, bytes: bytes.slice(0, length) });
  }

  /** @param {number} size */
  reserve(size) {
    return this.box.reserve(size);
  }

  /** @param {number} size */
  piece(size) {
    this.reserve(size);
  }

  close() {}
}

/** The guest's end. @implements {GuestEnd} */
export class PortGuestEnd {
  box = new Box();
  #send;
  /** @type {(answered: number) => void} */
  #wake = () => {};
  /** @type {Promise<number>} */
  #answered = Promise.resolve(0);

  /** @param {(request: Request) => void} send Tells the kernel's worker. */
  constructor(send) {
    this.#send = send;
  }

  /** @param {WebAssembly.Memory | null} memory */
  ask(memory) {
    const { box } = this;
    this.#answered = new Promise((resolve) => (this.#wake = resolve));
    const letter = box.letter(box.words[LENGTH]);
    this.#send(memory ? { letter, memory: new Uint8Array(memory.buffer) } : { letter });
  }

  /** The kernel's worker has sent this. @param {Answer} answer @param {WebAssembly.Memory | null} memory The guest's. */
  take({ letter, written }, memory) {
    this.box.open(letter);
    for (const { at, bytes } of written) {
      new Uint8Array(/** @type {WebAssembly.Memory} */ (memory).buffer).set(bytes, at);
    }
    this.#wake(1);
  }

  sleep() {
    return this.#answered;
  }

  fulfilled() {}

  /** @param {number} size */
  reserve(size) {
    return this.box.reserve(size);
  }
}
