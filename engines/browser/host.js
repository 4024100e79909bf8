/** The kernel's end of a guest thread that has a worker of its own (`remote.js`). */

import { DATA, NOMEM, PAGE, PARKED, STRINGS } from "#glue";

import { ANSWER, ANSWERED, COUNT, FINISHED, KIND, LENGTH, NEWS, PAGES, REQUEST, UNSIGNED, WISH } from "./box.js";
import { Waiter } from "./carrier.js";
import { View } from "./guest.js";

/**
 * The kernel's end of what a guest's worker reaches it by.
 * @typedef {object} End
 * @property {import("./box.js").Box} box
 * @property {object} given What is part of an `Order`.
 * @property {(answer: any) => void} [send] Sends that worker a message, if it is awake.
 * @property {(message: any) => boolean} take Told what that worker sends: whether it is a request.
 * @property {() => void} listen Need not be told of the next one, until `more`.
 * @property {() => boolean} more Whether there is one.
 * @property {() => void} answer Wakes that worker: its answer is in the box.
 * @property {(wish: number) => void} wish Has it do one of `WISH`, and sleeps meanwhile.
 * @property {(size: number) => boolean} reserve Whether there is room for so many bytes.
 * @property {(size: number) => void} piece So many are to be moved by wishes: have fitting room.
 * @property {() => void} close
 */

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

/** Bytes of a guest's memory that are looked at together. */
const BLOCK = 1 << 13;
/** Blocks that are at most, where one after the other is looked at. */
const AHEAD = 32;

/**
 * A part of a guest's memory, and which bytes of it are to be stored there.
 * @typedef {{ bytes: Uint8Array, start: number, end: number }} Block
 */

/**
 * The memory of a guest whose worker has it alone: a `View` by way of that worker, which waits for an
 * answer whenever the kernel looks. So nobody changes it meanwhile, and what was seen is kept till then.
 */
class FarView {
  #end;
  /** By place, in blocks. @type {Map<number, Block>} */
  #seen = new Map();
  /** The block after those that were looked at last, and how many those were. */
  #next = -1;
  #count = 1;

  /** @param {End} end */
  constructor(end) {
    this.#end = end;
  }

  size() {
    return this.#end.box.words[PAGES] * PAGE;
  }

  /** @param {number} at @param {number} length */
  read(at, length) {
    const data = new Uint8Array(length);
    for (const { block, from, to, done } of this.#parts(at, length)) {
      data.set(block.bytes.subarray(from, to), done);
    }
    return data;
  }

  /** @param {number} at @param {number} length */
  room(at, length) {
    return new Uint8Array(length);
  }

  /** @param {number} at @param {Uint8Array} data */
  write(at, data) {
    for (const { block, from, to, done } of this.#parts(at, data.length)) {
      block.bytes.set(data.subarray(done, done + to - from), from);
      block.start = Math.min(block.start, from);
      block.end = Math.max(block.end, to);
    }
  }

  /** Store what was written, and forget all: the guest is about to go on. */
  settle() {
    for (const { at, bytes } of this.#written()) this.#move(WISH.WRITE, at, bytes);
    this.#seen.clear();
    this.#next = -1;
  }

  /** What is to be stored, joined as far as it lies together. */
  #written() {
    /** @type {{ at: number, end: number, parts: Uint8Array[] }[]} */
    const runs = [];
    const places = [...this.#seen.keys()].sort((one, other) => one - other);
    for (const place of places) {
      const { bytes, start, end } = /** @type {Block} */ (this.#seen.get(place));
      if (start >= end) continue;
      const at = place * BLOCK + start;
      const last = runs.at(-1);
      const part = bytes.subarray(start, end);
      if (last?.end === at && last.parts.length < AHEAD) {
        last.parts.push(part);
        last.end += part.length;
      } else runs.push({ at, end: at + part.length, parts: [part] });
    }
    return runs.map(({ at, parts }) => ({ at, bytes: joined(parts) }));
  }

  /** Blocks, and which of their bytes are `done` bytes after `at`. @param {number} at @param {number} length */
  *#parts(at, length) {
    for (let done = 0; done < length; ) {
      const place = Math.floor((at + done) / BLOCK);
      const block = this.#block(place);
      const from = at + done - place * BLOCK;
      const to = Math.min(from + length - done, BLOCK);
      yield { block, from, to, done };
      done += to - from;
    }
  }

  /** @param {number} place */
  #block(place) {
    if (!this.#seen.has(place)) this.#look(place);
    return /** @type {Block} */ (this.#seen.get(place));
  }

  /** @param {number} place */
  #look(place) {
    this.#count = place === this.#next ? Math.min(2 * this.#count, AHEAD) : 1;
    const at = place * BLOCK;
    const data = new Uint8Array(Math.min(this.#count * BLOCK, this.size() - at));
    this.#move(WISH.READ, at, data);
    for (this.#next = place; this.#next * BLOCK < at + data.length; this.#next++) {
      // What was written is newer.
      if (this.#seen.has(this.#next)) continue;
      const from = this.#next * BLOCK - at;
      this.#seen.set(this.#next, { bytes: data.subarray(from, from + BLOCK), start: BLOCK, end: 0 });
    }
  }

  /** @param {number} wish @param {number} at @param {Uint8Array} data */
  #move(wish, at, data) {
    const { box } = this.#end;
    const { words, numbers } = box;
    if (Atomics.load(words, ANSWERED)) throw new Error("the guest does not wait");
    this.#end.piece(data.length);
    const size = box.bytes.length;
    for (let done = 0; done < data.length; done += size) {
      const piece = data.subarray(done, done + size);
      if (wish === WISH.WRITE) box.bytes.set(piece);
      numbers[0] = BigInt(at + done);
      words[LENGTH] = piece.length;
      this.#end.wish(wish);
      if (wish === WISH.READ) piece.set(box.bytes.subarray(0, piece.length));
    }
  }
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}

export class RemoteThread extends Waiter {
  /** System calls of its guest. */
  calls = 0;
  #words;
  /** @type {FarView | null} */
  #far = null;
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
   * @param {End} end
   */
  constructor(turns, task, decoders, area, memories, end) {
    super(turns, task.carrier);
    this.end = end;
    this.box = end.box;
    this.#words = end.box.words;
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

  /** The guest's worker has sent this. @param {any} message */
  receive(message) {
    if (!this.end.take(message)) return;
    this.turns.begin();
    this.#serve();
  }

  /** Answer a request, and those that follow at once as long as the turn lasts. */
  #serve() {
    for (;;) {
      this.end.listen();
      this.#request();
      if (!this.end.more()) return this.turns.endSoon();
      if (!this.turns.left()) return this.turns.later(() => this.#serve());
    }
  }

  /** @param {number} answer */
  #answer(answer) {
    this.#far?.settle();
    this.#words[ANSWER] = answer;
    this.end.answer();
  }

  close() {
    super.close();
    this.end.close();
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
        this.#far?.settle();
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
    if (!memory) this.#far = new FarView(this.end);
    this.#task.opened(memory ? new View(memory) : this.#far, this.#memories ?? undefined);
  }

  /** @param {number} number @param {(number | bigint)[]} given @param {number} length Of what it uses of the staging area. */
  #call(number, given, length) {
    this.calls++;
    if (!this.#area.reserve(length)) return -NOMEM;
    this.#area.bytes.set(this.box.bytes.subarray(0, length));
    const decoder = /** @type {Decoder} */ (this.#decoders.get(number));
    const answer = decoder(...given);
    this.#far?.settle();
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
    if (this.end.reserve(length)) this.box.bytes.set(this.#area.bytes.subarray(0, length));
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
