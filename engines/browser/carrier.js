/**
 * How guests wait, and take turns, on the one thread they share with the kernel.
 *
 * A guest that waits is suspended (JSPI) by a promise whose resolver is held here; the kernel's wake
 * makes its call again. A guest that runs long gives the event loop its turn between two calls that
 * may wait, so that keys, signals and other guests get through.
 */

import { PARKED, SUSPEND, UNWOUND, UPCALL } from "#glue";

import { Stack } from "./stack.js";

/** Milliseconds a guest may run before the event loop gets its turn. */
const TURN = 12;
/** Calls between two looks at the clock, at most. */
const CALLS = 64;
const MAX_TIMEOUT = 2 ** 31 - 1;

export class Turns {
  /** Calls until the clock is looked at again: the door counts it down. */
  credit = new WebAssembly.Global({ value: "i32", mutable: true }, 1);
  #stride = 1;
  #began = 0;
  #looked = 0;
  #ending = false;
  /** @type {(() => void)[]} */
  #tasks = [];
  #channel = new MessageChannel();
  #end;

  /** @param {() => void} end Called whenever a turn ends. */
  constructor(end) {
    this.#end = end;
    this.#channel.port1.onmessage = () => {
      this.begin();
      this.#tasks.shift()?.();
    };
  }

  /** A turn begins. */
  begin() {
    this.#began = performance.now();
  }

  /** Whether there is time left in this turn. */
  left() {
    const now = performance.now();
    // Look often when calls are slow, seldom when they are fast.
    this.#stride = now - this.#looked > 1 ? 1 : Math.min(2 * this.#stride, CALLS);
    this.#looked = now;
    this.credit.value = this.#stride;
    return now - this.#began < TURN;
  }

  /** Run `task` in a later turn. @param {() => void} task */
  later(task) {
    this.#end();
    this.#tasks.push(task);
    this.#channel.port2.postMessage(null);
  }

  /** Run `task` when the caller is done, in this turn if there is time. @param {() => void} task */
  soon(task) {
    if (performance.now() - this.#began < TURN) queueMicrotask(task);
    else this.later(task);
  }

  end() {
    this.#end();
  }

  /** Have one end in a while, for who makes calls without waiting and runs elsewhere. */
  endSoon() {
    if (this.#ending) return;
    this.#ending = true;
    setTimeout(() => {
      this.#ending = false;
      this.#end();
    }, TURN);
  }
}

/**
 * The kernel's side of a guest thread: `wasix.web.programs.Task`, and its
 * `wasix.proc.promise.PromiseCarrier`.
 * @typedef {object} Thread
 * @property {() => any} upcall
 * @property {Carrier} carrier
 *
 * @typedef {object} Carrier
 * @property {() => number} resume
 * @property {(answer: number) => number} hold
 * @property {() => number} proceed
 * @property {() => number} delay
 * @property {() => void} finished
 */

/** Told what a call answers. @typedef {(answer: number) => void} Resolve */

/** Waits for the kernel's news of one guest thread, wherever that runs. */
export class Waiter {
  /** Milliseconds for which it ran, till it last began to wait. */
  #ran = 0;
  /** Since when it has not waited; null if it does. @type {number | null} */
  #runs = performance.now();
  /** Whether there is news, for a thread that does not wait. */
  interrupted = false;
  /** @type {(() => void) | null} */
  #wake = null;
  #over = false;

  /** @param {Turns} turns @param {Carrier} carrier */
  constructor(turns, carrier) {
    this.turns = turns;
    this.carrier = carrier;
  }

  /** Milliseconds for which the guest ran, and the kernel for it. */
  get time() {
    return this.#ran + (this.#runs === null ? 0 : performance.now() - this.#runs);
  }

  /** It runs no longer. */
  rest() {
    this.#ran = this.time;
    this.#runs = null;
  }

  /** The kernel has news for this thread. */
  notify() {
    if (this.#wake) {
      this.#wake();
    } else {
      this.interrupted = true;
      this.interrupt();
    }
  }

  /** The thread has ended, perhaps while it waited. */
  close() {
    this.rest();
    this.#over = true;
  }

  /** Have a guest that runs ask for news soon. */
  interrupt() {}

  /** Wait until the kernel has news. @param {Resolve} resolve */
  park(resolve) {
    this.rest();
    this.turns.end();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    this.#wake = () => {
      this.#wake = null;
      clearTimeout(timer);
      this.turns.soon(() => this.look(() => this.carrier.resume(), resolve));
    };
    const delay = this.carrier.delay();
    if (this.interrupted || delay === 0) this.#wake();
    else if (delay < Infinity) timer = setTimeout(this.#wake, Math.min(Math.ceil(delay), MAX_TIMEOUT));
  }

  /** Do what the kernel says until the guest has something to do. @param {() => number} ask @param {Resolve} resolve */
  look(ask, resolve) {
    if (this.#over) return;
    this.interrupted = false;
    const state = ask();
    if (state === PARKED) return this.park(resolve);
    this.#ran = this.time;
    this.#runs = performance.now();
    resolve(state);
  }
}

/** Carries a guest thread that runs here. */
export class PromiseCarrier extends Waiter {
  /** System calls of its guest: the door counts them. */
  made = new WebAssembly.Global({ value: "i32", mutable: true }, 0);
  #thread;
  #refuse;

  /**
   * @param {boolean} suspends
   * @param {Turns} turns
   * @param {Thread} thread
   * @param {() => void} refuse Ends the program because it would have to wait.
   */
  constructor(suspends, turns, thread, refuse) {
    super(turns, thread.carrier);
    this.suspends = suspends;
    this.stack = new Stack(suspends);
    this.#thread = thread;
    this.#refuse = refuse;
  }

  interrupt() {
    this.turns.credit.value = 0;
  }

  get calls() {
    return this.made.value >>> 0;
  }

  get credit() {
    return this.turns.credit;
  }

  mayGoOn() {
    return (!this.interrupted && this.turns.left()) || !this.suspends;
  }

  finished() {
    this.carrier.finished();
  }

  /**
   * Park a call that has to wait, or let others have their turn after one that has been made.
   * @param {number} answer @returns {number | Promise<number>}
   */
  wait(answer) {
    if (answer === SUSPEND) return this.stack.suspend();
    if (!this.suspends) {
      this.#refuse();
      return UNWOUND;
    }
    return new Promise((resolve) => {
      const next = this.#follow(resolve);
      if (answer === PARKED) this.park(next);
      else {
        this.rest();
        this.turns.later(() => this.look(() => this.carrier.hold(answer), next));
      }
    });
  }

  /** @returns {number | Promise<number>} */
  reached() {
    const answer = this.stack.reached();
    if (typeof answer === "number") return answer;
    return new Promise((resolve) => void this.#called(answer, resolve));
  }

  /** Told what to do: makes upcalls until there is an answer. @param {Resolve} resolve @returns {Resolve} */
  #follow(resolve) {
    return (state) => {
      if (state !== UPCALL) return resolve(state);
      const found = this.#thread.upcall();
      const [name, ...given] = found.toJs();
      found.destroy();
      const place = this.stack.find(name, given.length);
      void this.#called(place < 0 ? null : this.stack.call(place, given), resolve);
    };
  }

  /** @param {number | null | Promise<number | null>} returned @param {Resolve} resolve */
  async #called(returned, resolve) {
    const answer = await returned;
    if (answer !== null) resolve(answer);
    else this.look(() => this.carrier.proceed(), this.#follow(resolve));
  }
}
