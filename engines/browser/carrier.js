/**
 * How guests wait, and take turns, on the one thread they share with the kernel.
 *
 * A guest that waits is suspended (JSPI) by a promise whose resolver is held here; the kernel's wake
 * makes its call again. A guest that runs long gives the event loop its turn between two calls that
 * may wait, so that keys, signals and other guests get through.
 */

import { PARKED } from "#glue";

/** Milliseconds a guest may run before the event loop gets its turn. */
const TURN = 12;
/** Calls between two looks at the clock, at most. */
const CALLS = 64;
const MAX_TIMEOUT = 2 ** 31 - 1;
const REFUSED = 1;

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
 * The kernel's side of a guest thread: `wasix.proc.promise.PromiseCarrier`.
 * @typedef {object} Thread
 * @property {() => number} resume
 * @property {() => number} delay
 * @property {() => void} finished
 */

export class PromiseCarrier {
  #interrupted = false;
  /** @type {(() => void) | null} */
  #wake = null;
  #turns;
  #thread;
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
    this.#thread.finished();
  }

  /**
   * Park a call that has to wait, or let others have their turn after one that has been made.
   * @param {number} answer @returns {number | Promise<number>}
   */
  wait(answer) {
    if (!this.suspends) {
      this.#refuse();
      return REFUSED;
    }
    return new Promise((resolve) => {
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      const park = () => {
        this.#turns.end();
        this.#wake = () => {
          this.#wake = null;
          clearTimeout(timer);
          this.#turns.soon(again);
        };
        const delay = this.#thread.delay();
        if (this.#interrupted || delay === 0) this.#wake();
        else if (delay < Infinity) {
          timer = setTimeout(this.#wake, Math.min(Math.ceil(delay), MAX_TIMEOUT));
        }
      };
      const again = () => {
        this.#interrupted = false;
        const state = this.#thread.resume();
        if (state === PARKED) park();
        else resolve(state);
      };
      if (answer === PARKED) park();
      else this.#turns.later(again);
    });
  }
}
