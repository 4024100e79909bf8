/**
 * How the two workers of a guest thread reach each other where they can share memory: both look into
 * the same box, and sleep at words of it.
 */

import { ANSWERED, ASKED, Box, FULFILLED, LISTENS, LOOKS, ROOM } from "./box.js";

/** @typedef {import("./host.js").End} KernelEnd @typedef {import("./remote.js").End} GuestEnd */

/** The kernel's end. @implements {KernelEnd} */
export class SharedEnd {
  box = new Box(new SharedArrayBuffer(Box.STATE), new SharedArrayBuffer(Box.ROOM));
  #words = this.box.words;

  /** What the guest's worker needs for its end. */
  get given() {
    return { shared: { state: this.box.words.buffer, data: this.box.bytes.buffer } };
  }

  /** @param {SharedArrayBuffer | null} data Room for more bytes. */
  take(data) {
    if (!data) return this.#asked();
    this.box.replace(data);
    Atomics.store(this.#words, ROOM, data.byteLength);
    Atomics.notify(this.#words, ROOM);
    return false;
  }

  /** Whether there is a request, which is taken. */
  #asked() {
    return Atomics.exchange(this.#words, ASKED, 0) === 1;
  }

  listen() {
    Atomics.store(this.#words, LISTENS, 1);
  }

  more() {
    const words = this.#words;
    const none = () => Atomics.load(words, ANSWERED) && !Atomics.load(words, ASKED);
    for (let look = 0; look < LOOKS && none(); look++);
    Atomics.store(words, LISTENS, 0);
    // What has not been asked by now will be told.
    return this.#asked();
  }

  answer() {
    Atomics.store(this.#words, ANSWERED, 1);
    Atomics.notify(this.#words, ANSWERED);
  }

  /** @param {number} wish */
  wish(wish) {
    const words = this.#words;
    Atomics.store(words, FULFILLED, 0);
    Atomics.store(words, ANSWERED, wish);
    Atomics.notify(words, ANSWERED);
    while (!Atomics.load(words, FULFILLED)) Atomics.wait(words, FULFILLED, 0);
  }

  /** The guest's worker asks for more when it has made room. @param {number} size */
  reserve(size) {
    return size <= this.box.bytes.length;
  }

  piece() {}

  close() {}
}

/** The guest's end. @implements {GuestEnd} */
export class SharedGuestEnd {
  #send;

  /**
   * @param {{ state: SharedArrayBuffer, data: SharedArrayBuffer }} given
   * @param {(data: SharedArrayBuffer | null) => void} send Tells the kernel's worker.
   */
  constructor({ state, data }, send) {
    this.box = new Box(state, data);
    this.#send = send;
  }

  ask() {
    const { words } = this.box;
    Atomics.store(words, ASKED, 1);
    if (!Atomics.load(words, LISTENS)) this.#send(null);
  }

  sleep() {
    const { words } = this.box;
    for (let look = 0; look < LOOKS && !Atomics.load(words, ANSWERED); look++);
    while (!Atomics.load(words, ANSWERED)) Atomics.wait(words, ANSWERED, 0);
    return Atomics.load(words, ANSWERED);
  }

  fulfilled() {
    const { words } = this.box;
    Atomics.store(words, FULFILLED, 1);
    Atomics.notify(words, FULFILLED);
  }

  /** @param {number} size */
  reserve(size) {
    const { box } = this;
    if (size <= box.bytes.length) return true;
    const { words } = box;
    const before = Atomics.load(words, ROOM);
    try {
      box.replace(new SharedArrayBuffer(Math.max(size, 2 * box.bytes.length)));
    } catch {
      return false;
    }
    this.#send(/** @type {SharedArrayBuffer} */ (box.bytes.buffer));
    while (Atomics.load(words, ROOM) === before) Atomics.wait(words, ROOM, before);
    return true;
  }
}
