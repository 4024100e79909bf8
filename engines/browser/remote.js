/**
 * A guest thread in a worker of its own, which reaches the kernel in another worker by a box
 * (`box.js`) and sleeps, or is suspended, while a call is made. The door is here; what it takes for
 * Python passes on what it is called with.
 */

import { ARGUMENTS_SIZE, CONSTANTS, COPIED, DATA, NOMEM, PAGE, SUSPEND, UPCALL } from "#glue";

import { ANSWER, ANSWERED, COUNT, FINISHED, KIND, LENGTH, NEWS, PAGES, REQUEST, UNSIGNED, WISH } from "./box.js";
import { Stage } from "./guest.js";
import { HeldGuestEnd } from "./held.js";
import { PortGuestEnd } from "./ported.js";
import { SharedGuestEnd } from "./shared.js";
import { Stack } from "./stack.js";

/**
 * The guest's end of what it reaches the kernel by.
 * @typedef {object} End
 * @property {import("./box.js").Box} box
 * @property {(memory: WebAssembly.Memory | null) => void} ask Has the kernel's worker look at the request
 *   in the box, by which it may look into this memory.
 * @property {() => number | Promise<number>} sleep Until there is an answer, or a wish: 1, or which of
 *   `WISH`. Of those that give promises there are no wishes.
 * @property {(wish: number) => void} fulfilled What was wished for is done.
 * @property {(size: number) => boolean} reserve Has room for so many bytes.
 */

/** Calls by which the kernel may look into memory by itself. */
const copied = new Set(COPIED);

/** @param {number} kind @param {bigint[]} numbers */
function looks(kind, [first]) {
  if (kind === REQUEST.CALL) return copied.has(Number(first));
  return kind === REQUEST.SUSPENDED || kind === REQUEST.RESTORE;
}

/**
 * Go on with what was given, if need be when it is there.
 * @template T, R
 * @param {T | Promise<T>} given @param {(value: T) => R | Promise<R>} next @returns {R | Promise<R>}
 */
const then = (given, next) => (given instanceof Promise ? given.then(next) : next(given));

/** Makes requests. */
class Line {
  /** The guest's, when it has one. @type {WebAssembly.Memory | null} */
  memory = null;

  /** @param {End} end */
  constructor(end) {
    this.end = end;
    this.box = end.box;
    this.words = end.box.words;
  }

  /**
   * Make a request, and sleep until it is answered; or promise the answer.
   * @param {number} kind @param {bigint[]} numbers @param {number} length Of the bytes. @param {number} unsigned
   * @returns {number | Promise<number>}
   */
  ask(kind, numbers = [], length = 0, unsigned = 0) {
    const { words, box } = this;
    words[KIND] = kind;
    words[COUNT] = numbers.length;
    words[UNSIGNED] = unsigned;
    words[LENGTH] = length;
    words[PAGES] = this.memory ? this.memory.buffer.byteLength / PAGE : 0;
    numbers.forEach((number, index) => (box.numbers[index] = number));
    Atomics.store(words, ANSWERED, 0);
    this.end.ask(looks(kind, numbers) ? this.memory : null);
    for (;;) {
      const wish = this.end.sleep();
      if (wish instanceof Promise) return wish.then(() => words[ANSWER]);
      if (wish === 1) return words[ANSWER];
      this.#fulfill(wish);
    }
  }

  /** @param {number} wish */
  #fulfill(wish) {
    const { words, box, memory } = this;
    const at = Number(box.numbers[0]);
    const place = new Uint8Array(/** @type {WebAssembly.Memory} */ (memory).buffer, at, words[LENGTH]);
    if (wish === WISH.READ) box.bytes.set(place);
    else place.set(box.bytes.subarray(0, words[LENGTH]));
    Atomics.store(words, ANSWERED, 0);
    this.end.fulfilled(wish);
  }

  /** What to call: a name, and arguments. @returns {[string, number[]] | Promise<[string, number[]]>} */
  upcall() {
    const { box, words } = this;
    return then(this.ask(REQUEST.UPCALL), () => {
      const name = new TextDecoder().decode(box.bytes.slice(0, words[LENGTH]));
      return [name, [...box.numbers.subarray(0, words[COUNT])].map(Number)];
    });
  }
}

/** Where the staging area begins in the memory that the door takes for Python's. */
const BASE = ARGUMENTS_SIZE;

/** What the door calls. Ints are kept here, and their handles mean nothing. */
class Python {
  memory = new WebAssembly.Memory({ initial: 1 });
  #bytes = new Uint8Array();
  /** @type {bigint[]} */
  #numbers = [];
  #unsigned = 0;
  #answer = 0;
  /** Bytes of the staging area that the call being made uses. */
  #length = DATA;
  /** What calls answer that need not be made again, by number. libcs read their environment often. @type {Map<number, { answer: number, bytes: Uint8Array }>} */
  #constants = new Map();
  #line;

  /** @param {Line} line @param {boolean} suspends */
  constructor(line, suspends) {
    this.#line = line;
    const call = (/** @type {number} */ number) => this.#call(number);
    this._PyObject_Vectorcall = suspends ? new WebAssembly.Suspending(call) : call;
  }

  get HEAPU8() {
    if (this.#bytes.buffer !== this.memory.buffer) this.#bytes = new Uint8Array(this.memory.buffer);
    return this.#bytes;
  }

  /** @param {number} size Of the staging area. */
  reserve(size) {
    this.#length = size;
    const pages = Math.ceil((BASE + size - this.memory.buffer.byteLength) / PAGE);
    try {
      if (pages > 0) this.memory.grow(pages);
    } catch {
      return false;
    }
    return this.#line.end.reserve(size);
  }

  _malloc() {
    return 0;
  }

  _PyLong_FromUnsignedLong = (/** @type {number} */ value) => this.#add(BigInt(value >>> 0), 0);
  _PyLong_FromLongLong = (/** @type {bigint} */ value) => this.#add(value, 0);
  _PyLong_FromUnsignedLongLong = (/** @type {bigint} */ value) => this.#add(value, 1);

  /** @param {bigint} value @param {number} unsigned */
  #add(value, unsigned) {
    this.#unsigned |= unsigned << (this.#numbers.length + 1);
    this.#numbers.push(value);
    return 0;
  }

  /** @param {number} number */
  #call(number) {
    const known = this.#constants.get(number);
    if (known) {
      this.HEAPU8.set(known.bytes, BASE);
      this.#answer = known.answer;
      return 1;
    }
    const line = this.#line;
    const { box } = line;
    const length = this.#length;
    const unsigned = this.#unsigned;
    const numbers = this.#numbers.splice(0);
    this.#unsigned = 0;
    this.#length = DATA;
    box.bytes.set(this.HEAPU8.subarray(BASE, BASE + length));
    const asked = line.ask(REQUEST.CALL, [BigInt(number), ...numbers], length, unsigned);
    return then(asked, (answer) => this.#answered(number, answer));
  }

  /** @param {number} number @param {number} answer @returns {number | Promise<number>} */
  #answered(number, answer) {
    const line = this.#line;
    const { box } = line;
    this.#answer = answer;
    const found = line.words[LENGTH];
    const whole = found <= box.bytes.length;
    const room = this.reserve(found);
    this.#length = DATA;
    if (!room) {
      this.#answer = -NOMEM;
      return 1;
    }
    return then(whole ? 0 : line.ask(REQUEST.FETCH, [], found), () => {
      const bytes = box.bytes.subarray(0, found);
      this.HEAPU8.set(bytes, BASE);
      if (CONSTANTS.includes(number) && answer >= 0) {
        this.#constants.set(number, { answer, bytes: bytes.slice() });
      }
      return 1;
    });
  }

  _PyLong_AsLong = () => this.#answer;
  _PyErr_Clear = () => {};
  _Py_DecRef = () => {};
}

/** Waits as `guest.js` wants it. */
class RemoteCarrier {
  /** It has the thread to itself, but news may have come: they are looked for after each call. */
  credit = new WebAssembly.Global({ value: "i32", mutable: true }, 1);
  /** Which the kernel counts. */
  made = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
  #line;

  /** @param {Line} line @param {boolean} suspends */
  constructor(line, suspends) {
    this.#line = line;
    this.suspends = suspends;
    this.stack = new Stack(suspends);
  }

  mayGoOn() {
    this.credit.value = 1;
    return !Atomics.load(this.#line.words, NEWS);
  }

  finished() {
    this.#line.words[FINISHED] = 1;
  }

  /** @param {number} answer */
  wait(answer) {
    if (answer === SUSPEND) return this.stack.suspend();
    return this.#follow(this.#line.ask(REQUEST.WAIT, [BigInt(answer)]));
  }

  reached() {
    return then(this.stack.reached(), (answer) => answer ?? this.#follow(this.#line.ask(REQUEST.PROCEED)));
  }

  /** Do what the kernel says until there is an answer. @param {number | Promise<number>} state */
  #follow(state) {
    if (state instanceof Promise) return this.#followSuspended(state);
    while (state === UPCALL) {
      const answer = this.#called(/** @type {[string, number[]]} */ (this.#line.upcall()));
      if (answer !== null) return /** @type {number} */ (answer);
      state = /** @type {number} */ (this.#line.ask(REQUEST.PROCEED));
    }
    return state;
  }

  /** @param {number | Promise<number>} state @returns {Promise<number>} */
  async #followSuspended(state) {
    while ((state = await state) === UPCALL) {
      const answer = await this.#called(await this.#line.upcall());
      if (answer !== null) return answer;
      state = this.#line.ask(REQUEST.PROCEED);
    }
    return state;
  }

  /** @param {[string, number[]]} upcall */
  #called([name, given]) {
    const place = this.stack.find(name, given.length);
    return place < 0 ? null : this.stack.call(place, given);
  }
}

/**
 * What a worker needs for one guest thread.
 * @typedef {object} Order
 * @property {{ state: SharedArrayBuffer, data: SharedArrayBuffer }} [shared] What its end is made of, if
 *   the two workers share memory.
 * @property {{ place: import("./held.js").Place, line: string }} [held] If they do not, and programs
 *   wait by a service worker. With neither its guest is suspended.
 * @property {WebAssembly.Module} module
 * @property {import("./run.js").Wanted} wanted
 * @property {WebAssembly.Memory[] | null} memories Shared ones; null if it imports no such.
 * @property {string} entry @property {number[]} given
 * @property {import("./run.js").Snapshot | null} snapshot
 */

/** The kernel's side as `run.js` wants it, and what its guest needs. */
export class Remote {
  /** @param {Order} order @param {(message: any) => void} send Tells the kernel's worker. */
  constructor({ shared, held, memories, entry, given }, send) {
    const end = shared ? new SharedGuestEnd(shared, send) : held ? new HeldGuestEnd(held, send) : new PortGuestEnd(send);
    const suspends = end instanceof PortGuestEnd;
    const line = new Line(end);
    const python = new Python(line, suspends);
    const stage = new Stage(
      /** @type {any} */ (python),
      // Without room of its own: so the door says how much each call uses.
      () => ({ base: BASE, size: 0 }),
      (size) => python.reserve(size),
    );
    /** @type {ConstructorParameters<typeof import("./guest.js").Guest>} */
    this.guest = [stage, new RemoteCarrier(line, suspends)];
    this.memories = memories ?? undefined;
    this.entry = entry;
    this.arguments = given;
    this.#line = line;
  }

  #line;

  /** The kernel's worker has sent an answer, as it does to a guest that is suspended. @param {import("./ported.js").Answer} answer */
  take(answer) {
    const { end, memory } = this.#line;
    if (end instanceof PortGuestEnd) end.take(answer, memory);
  }

  /** @param {import("./guest.js").View} view @param {WebAssembly.Memory[]} memories */
  opened({ memory }, memories) {
    this.#line.memory = memory;
    return this.#line.ask(REQUEST.OPENED, [BigInt(this.memories ? memories.indexOf(memory) : -1)]);
  }

  restore() {
    return this.#line.ask(REQUEST.RESTORE);
  }

  /** @param {number} area */
  suspended(area) {
    const asked = this.#line.ask(REQUEST.SUSPENDED, [BigInt(area)]);
    return then(asked, (answer) => (this.#line.words[COUNT] ? answer : undefined));
  }
}

