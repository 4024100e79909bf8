/** The kernel's end of a guest thread that has a worker of its own (`remote.js`). */

import { DATA, NOMEM, PARKED, STRINGS } from "#glue";

import {
  ANSWER,
  ANSWERED,
  ASKED,
  Box,
  COUNT,
  FINISHED,
  KIND,
  LENGTH,
  LISTENS,
  LOOKS,
  NEWS,
  REQUEST,
  ROOM,
  UNSIGNED,
} from "./box.js";
import { Waiter } from "./carrier.js";

/** A thread's staging area, in Python's memory. */
export class Area {
  #place;

  /**
   * @param {import("./guest.js").Python} python
   * @param {() => { base: number, size: number }} locate Where it lies now.
   * @param {(size: number) => boolean} grow
   */
  constructor(python, locate, grow) {
    this.python = python;
    this.locate = locate;
    this.grow = grow;
    this.#place = locate();
  }

  /** All of it. */
  get bytes() {
    const { base, size } = this.#place;
    return this.python.HEAPU8.subarray(base, base + size);
  }

  /** @param {number} size */
  reserve(size) {
    if (size <= this.#place.size) return true;
    const grown = this.grow(size);
    this.refresh();
    return grown;
  }

  /** Look again where it lies, after Python may have made it larger. */
  refresh() {
    this.#place = this.locate();
  }
}

/** @typedef {(...given: (number | bigint)[]) => number} Decoder */

/** A guest's memory as the kernel looks into it: `wasix.web.memory.Guest`. */
class View {
  /** @param {WebAssembly.Memory} memory */
  constructor(memory) {
    this.memory = memory;
  }

  size() {
    return this.memory.buffer.byteLength;
  }

  /** @param {number} at @param {number} length */
  range(at, length) {
    return new Uint8Array(this.memory.buffer, at, length);
  }
}

export class RemoteThread extends Waiter {
  box = new Box();
  #words = this.box.words;
  #task;
  #decoders;
  #area;
  #memories;

  /**
   * @param {import("./carrier.js").Turns} turns
   * @param {any} task `wasix.web.programs.Task`
   * @param {Map<number, Decoder>} decoders By call number.
   * @param {Area} area
   * @param {WebAssembly.Memory[]} memories Those that its guest imports; all are shared.
   */
  constructor(turns, task, decoders, area, memories) {
    super(turns, task.carrier);
    this.#task = task;
    this.#decoders = decoders;
    this.#area = area;
    this.#memories = memories;
  }

  interrupt() {
    Atomics.store(this.#words, NEWS, 1);
  }

  /** @param {() => number} ask @param {(answer: number) => void} resolve */
  look(ask, resolve) {
    Atomics.store(this.#words, NEWS, 0);
    super.look(ask, resolve);
  }

  /** The guest's worker has sent this. @param {SharedArrayBuffer | null} data Room for more bytes. */
  receive(data) {
    if (data) {
      this.box.replace(data);
      Atomics.store(this.#words, ROOM, data.byteLength);
      Atomics.notify(this.#words, ROOM);
    } else if (this.#asked()) {
      this.turns.begin();
      this.#serve();
    }
  }

  /** Whether there is a request, which is taken. */
  #asked() {
    return Atomics.exchange(this.#words, ASKED, 0) === 1;
  }

  /** Answer a request, and those that follow at once as long as the turn lasts. */
  #serve() {
    const words = this.#words;
    for (;;) {
      Atomics.store(words, LISTENS, 1);
      this.#request();
      const more = () => Atomics.load(words, ANSWERED) && !Atomics.load(words, ASKED);
      for (let look = 0; look < LOOKS && more(); look++);
      Atomics.store(words, LISTENS, 0);
      // What has not been asked by now will be told.
      if (!this.#asked()) return this.turns.endSoon();
      if (!this.turns.left()) return this.turns.later(() => this.#serve());
    }
  }

  /** @param {number} answer */
  #answer(answer) {
    const words = this.#words;
    words[ANSWER] = answer;
    Atomics.store(words, ANSWERED, 1);
    Atomics.notify(words, ANSWERED);
  }

  #numbers() {
    const words = this.#words;
    const unsigned = words[UNSIGNED];
    const found = [...this.box.numbers.subarray(0, words[COUNT])];
    return found.map((number, index) => {
      const value = (unsigned >> index) & 1 ? BigInt.asUintN(64, number) : number;
      // A BigInt becomes an int that becomes a BigInt again wherever it goes.
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    });
  }

  #request() {
    const words = this.#words;
    if (words[FINISHED]) {
      words[FINISHED] = 0;
      this.carrier.finished();
    }
    const answer = (/** @type {number} */ value) => this.#answer(value);
    const [first, ...rest] = this.#numbers();
    switch (words[KIND]) {
      case REQUEST.CALL:
        return answer(this.#call(Number(first), rest, words[LENGTH]));
      case REQUEST.WAIT:
        if (Number(first) === PARKED) return this.park(answer);
        return this.look(() => this.carrier.hold(Number(first)), answer);
      case REQUEST.UPCALL:
        return answer(this.#upcall());
      case REQUEST.PROCEED:
        return this.look(() => this.carrier.proceed(), answer);
      case REQUEST.OPENED:
        this.#task.opened(new View(this.#memories[Number(first)]), this.#memories);
        return answer(0);
      case REQUEST.RESTORE:
        this.#task.restore();
        return answer(0);
      case REQUEST.SUSPENDED: {
        const found = this.#task.suspended(Number(first));
        words[COUNT] = found === undefined ? 0 : 1;
        return answer(found ?? 0);
      }
      case REQUEST.FETCH:
        this.#give(words[LENGTH]);
        return answer(0);
    }
  }

  /** @param {number} number @param {(number | bigint)[]} given @param {number} length Of what it uses of the staging area. */
  #call(number, given, length) {
    if (!this.#area.reserve(length)) return -NOMEM;
    this.#area.bytes.set(this.box.bytes.subarray(0, length));
    const decoder = /** @type {Decoder} */ (this.#decoders.get(number));
    const answer = decoder(...given);
    if (STRINGS.includes(number)) {
      this.#area.refresh();
      length = Math.max(length, DATA + answer);
    }
    this.#give(length);
    return answer;
  }

  /** Have the guest's worker find so many bytes of the staging area, or how many there are. @param {number} length */
  #give(length) {
    this.#words[LENGTH] = length;
    const { bytes } = this.box;
    if (length <= bytes.length) bytes.set(this.#area.bytes.subarray(0, length));
  }

  #upcall() {
    const found = this.#task.upcall();
    const [name, ...given] = found.toJs();
    found.destroy();
    const text = new TextEncoder().encode(name);
    // What is longer than that is the name of no function.
    const length = text.length <= this.box.bytes.length ? text.length : 0;
    this.box.bytes.set(text.subarray(0, length));
    this.#words[LENGTH] = length;
    this.#words[COUNT] = given.length;
    given.forEach((/** @type {number} */ number, /** @type {number} */ index) => {
      this.box.numbers[index] = BigInt(number);
    });
    return 0;
  }
}
