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
  /** @type {(() => void)[]} */
  #tasks = [];
  #channel = new MessageChannel();
  #end;

  /** @param {() => void} end Called whenever a turn ends. */
  constructor(end) {
    this.#end = end;
    this.#channel.port1.onmessage = () => {
      this.#began = performance.now();
      this.#tasks.shift()?.();
    };
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

export class PromiseCarrier {
  stack = new Stack();
  #interrupted = false;
  /** @type {(() => void) | null} */
  #wake = null;
  #turns;
  #thread;
  #carrier;
  #refuse;

  /**
   * @param {boolean} suspends
   * @param {Turns} turns
   * @param {Thread} thread
   * @param {() => void} refuse Ends the program because it would have to wait.
   */
  constructor(suspends, turns, thread, refuse) {
    this.suspends = suspends;
    this.#turns = turns;
    this.#thread = thread;
    this.#carrier = thread.carrier;
    this.#refuse = refuse;
  }

  /** The kernel has news for this thread. */
  notify() {
    if (this.#wake) {
      this.#wake();
    } else {
      this.#interrupted = true;
      this.#turns.credit.value = 0;
    }
  }

  get credit() {
    return this.#turns.credit;
  }

  mayGoOn() {
    return (!this.#interrupted && this.#turns.left()) || !this.suspends;
  }

  finished() {
    this.#carrier.finished();
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
      if (answer === PARKED) this.#park(resolve);
      else this.#turns.later(() => this.#look(() => this.#carrier.hold(answer), resolve));
    });
  }

  /** @returns {number | Promise<number>} */
  reached() {
    const answer = this.stack.reached();
    if (typeof answer === "number") return answer;
    return new Promise((resolve) => void answer.then((answer) => this.#called(answer, resolve)));
  }

  /** Wait until the kernel has news. @param {Resolve} resolve */
  #park(resolve) {
    this.#turns.end();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    this.#wake = () => {
      this.#wake = null;
      clearTimeout(timer);
      this.#turns.soon(() => this.#look(() => this.#carrier.resume(), resolve));
    };
    const delay = this.#carrier.delay();
    if (this.#interrupted || delay === 0) this.#wake();
    else if (delay < Infinity) timer = setTimeout(this.#wake, Math.min(Math.ceil(delay), MAX_TIMEOUT));
  }

  /** Do what the kernel says until there is an answer. @param {() => number} ask @param {Resolve} resolve */
  #look(ask, resolve) {
    this.#interrupted = false;
    const state = ask();
    if (state === PARKED) this.#park(resolve);
    else if (state === UPCALL) this.#upcall(resolve);
    else resolve(state);
  }

  /** Call a function of the guest's that the kernel names. @param {Resolve} resolve */
  #upcall(resolve) {
    const found = this.#thread.upcall();
    const [name, ...given] = found.toJs();
    found.destroy();
    const place = this.stack.find(name, given.length);
    if (place < 0) this.#called(null, resolve);
    else void this.stack.call(place, given).then((answer) => this.#called(answer, resolve));
  }

  /** It has returned. @param {number | null} answer @param {Resolve} resolve */
  #called(answer, resolve) {
    if (answer !== null) resolve(answer);
    else this.#look(() => this.#carrier.proceed(), resolve);
  }
}
