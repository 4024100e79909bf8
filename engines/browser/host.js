/** The kernel's end of a guest thread that has a worker of its own (`remote.js`). */

import { DATA, NOMEM, PAGE, PARKED, STRINGS } from "#glue";

import {
  ANSWER,
  ANSWERED,
  ASKED,
  Box,
  COUNT,
  FINISHED,
  FULFILLED,
  KIND,
  LENGTH,
  LISTENS,
  LOOKS,
  NEWS,
  PAGES,
  REQUEST,
  ROOM,
  UNSIGNED,
  WISH,
} from "./box.js";
import { Waiter } from "./carrier.js";
import { View } from "./guest.js";

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

/**
 * The memory of a guest whose worker has it alone: a `View` by way of that worker, which waits for an
 * answer whenever the kernel looks.
 */
class FarView {
  #box;

  /** @param {Box} box */
  constructor(box) {
    this.#box = box;
  }

  size() {
    return this.#box.words[PAGES] * PAGE;
  }

  /** @param {number} at @param {number} length */
  read(at, length) {
    const data = new Uint8Array(length);
    this.#inPieces(WISH.READ, at, data);
    return data;
  }

  /** @param {number} at @param {number} length */
  room(at, length) {
    return new Uint8Array(length);
  }

  /** @param {number} at @param {Uint8Array} data */
  write(at, data) {
    this.#inPieces(WISH.WRITE, at, data);
  }

  /** @param {number} wish @param {number} at @param {Uint8Array} data */
  #inPieces(wish, at, data) {
    const { words, bytes, numbers } = this.#box;
    if (Atomics.load(words, ANSWERED)) throw new Error("the guest does not wait");
    for (let done = 0; done < data.length; done += bytes.length) {
      const piece = data.subarray(done, done + bytes.length);
      if (wish === WISH.WRITE) bytes.set(piece);
      numbers[0] = BigInt(at + done);
      words[LENGTH] = piece.length;
      Atomics.store(words, FULFILLED, 0);
      Atomics.store(words, ANSWERED, wish);
      Atomics.notify(words, ANSWERED);
      while (!Atomics.load(words, FULFILLED)) Atomics.wait(words, FULFILLED, 0);
      if (wish === WISH.READ) piece.set(bytes.subarray(0, piece.length));
    }
  }
}

export class RemoteThread extends Waiter {
  box = new Box();
  /** System calls of its guest. */
  calls = 0;
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
   * @param {WebAssembly.Memory[] | null} memories Those that its guest imports, if all are shared.
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
        this.#opened(this.#memories?.[Number(first)]);
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

  /** @param {WebAssembly.Memory | undefined} memory The guest's, if it is shared. */
  #opened(memory) {
    this.#task.opened(memory ? new View(memory) : new FarView(this.box), this.#memories ?? undefined);
  }

  /** @param {number} number @param {(number | bigint)[]} given @param {number} length Of what it uses of the staging area. */
  #call(number, given, length) {
    this.calls++;
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
