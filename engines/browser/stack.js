/**
 * The stack of a guest thread: functions of the guest's that are called while one of its calls waits,
 * and how all of it is unwound and rewound (`engines/asyncify.py` says what lies where).
 *
 * A guest that is suspended (JSPI) is entered again from the top, since a function called for a
 * signal may wait as well. When the stack unwinds, that function returns, then the call around it,
 * and so on down to `_start`; each frame of JavaScript between them is a promise that is resolved.
 */

import {
  AREA,
  DAMAGED,
  DID_NOT_REWIND,
  DID_NOT_UNWIND,
  MOST_UPCALLS,
  NOMEM,
  NO_ROOM,
  PAGE,
  TOO_DEEP,
  UNWOUND,
} from "#glue";

import { describe, trapped } from "./outcome.js";

/** @typedef {import("./outcome.js").Outcome} Outcome */

/** Whether a guest may make calls, is to return, or is called to get back to where it was. */
const RUNNING = 0;
const UNWINDING = 1;
const REWINDING = 2;

export class Stack {
  /** One of the three. The door asks it at every call that may wait. */
  apart = new WebAssembly.Global({ value: "i32", mutable: true }, RUNNING);
  /** How the guest ends, if that was decided before its stack is gone. @type {Outcome | null} */
  fate = null;
  /** @type {Record<string, any>} */
  #exports = {};
  /** By place. @type {string[]} */
  #names = [];
  /** Name and type. @type {[string, string][]} */
  #variables = [];
  /** @type {number | undefined} */
  #area;
  /** What is being called while a call waits, outermost first, by place among the exports. @type {number[]} */
  #upcalls = [];
  /** What was when the stack unwound. @type {number[]} */
  #through = [];
  #answer = 0;
  #suspends;

  /** @param {boolean} suspends Whether functions of the guest's may be suspended (JSPI). */
  constructor(suspends) {
    this.#suspends = suspends;
  }

  /**
   * @param {WebAssembly.Exports} exports @param {string[]} names Of the exports, in order.
   * @param {[string, string][]} [variables]
   */
  open(exports, names, variables = []) {
    this.#exports = exports;
    this.#names = names;
    this.#variables = variables;
  }

  /** Decide how the guest ends; what its call answers then. @param {Outcome} outcome */
  #end(outcome) {
    this.fate ??= outcome;
    return UNWOUND;
  }

  // Functions of the guest's.

  /** Where an export that takes so many arguments stands; -1 if there is none. @param {string} name @param {number} count */
  find(name, count) {
    const found = this.#exports[name];
    return typeof found === "function" && found.length === count ? this.#names.indexOf(name) : -1;
  }

  /**
   * Call an export while a call of the guest's waits. Gives what that call answers if it is not to go
   * on, else null; a promise of that if it may be suspended.
   * @param {number} place @param {number[]} given @returns {number | null | Promise<number | null>}
   */
  call(place, given) {
    if (this.#upcalls.length === MOST_UPCALLS) return this.#end(trapped(TOO_DEEP));
    this.#upcalls.push(place);
    const entry = this.#exports[this.#names[place]];
    // The guest must not catch what is thrown.
    const failed = (/** @type {unknown} */ error) => this.#end(describe(error));
    if (this.#suspends) {
      return WebAssembly.promising(entry)(...given).then(() => this.#returned(), failed);
    }
    try {
      entry(...given);
    } catch (error) {
      return failed(error);
    }
    return this.#returned();
  }

  #returned() {
    this.#upcalls.pop();
    switch (this.apart.value) {
      case UNWINDING:
        return 0;
      case REWINDING:
        return this.#end(trapped(DID_NOT_REWIND));
      default:
        return null;
    }
  }

  // Unwinding and rewinding.

  /** Have the guest's stack unwound when its call has answered this. */
  suspend() {
    const { memory } = this.#exports;
    if (this.#area === undefined) {
      try {
        this.#area = memory.grow(this.#size() / PAGE) * PAGE;
      } catch {
        return NOMEM;
      }
    }
    const view = new DataView(memory.buffer);
    view.setUint32(this.#area, this.#area + 8, true);
    view.setUint32(this.#area + 4, this.#roomEnd(), true);
    this.#through = this.#upcalls.slice();
    this.apart.value = UNWINDING;
    this.#exports.asyncify_start_unwind(this.#area);
    return 0;
  }

  #size() {
    return AREA + Math.floor((8 * this.#variables.length) / PAGE) * PAGE;
  }

  #roomEnd() {
    return /** @type {number} */ (this.#area) + this.#size() - 8 * (this.#variables.length + 1);
  }

  /** Whether the guest has returned to have its stack unwound, not because it is done. */
  get unwound() {
    return this.apart.value === UNWINDING;
  }

  /** Whether it has returned without getting back to where it was. */
  get lost() {
    return this.apart.value === REWINDING;
  }

  /** Make what has been unwound complete. Returns its area, or null if the guest has ended. */
  take() {
    this.#exports.asyncify_stop_unwind();
    const area = /** @type {number} */ (this.#area);
    const view = new DataView(this.#exports.memory.buffer);
    const room = this.#roomEnd();
    const top = view.getUint32(area, true);
    const words = [...this.#through, this.#through.length];
    if (top < area + 8 || top + 4 * words.length > room) {
      this.#end(trapped(NO_ROOM));
      return null;
    }
    words.forEach((word, index) => view.setUint32(top + 4 * index, word, true));
    view.setUint32(area, top + 4 * words.length, true);
    this.#variables.forEach(([name, type], index) => {
      const place = room + 8 * index;
      const { value } = this.#exports[name];
      if (type === "i64") view.setBigInt64(place, value, true);
      else if (type === "f64") view.setFloat64(place, value, true);
      else {
        view.setBigUint64(place, 0n, true);
        if (type === "i32") view.setInt32(place, value, true);
        else view.setFloat32(place, value, true);
      }
    });
    return area;
  }

  /** Memory is a copy of another guest's, whose stack is unwound to `area`. @param {number} area */
  adopt(area) {
    this.#area = area;
  }

  /**
   * Have the guest go on, when it is called again, from where its area says. False if it cannot.
   * @param {number} answer What the call answers that it is to come to.
   */
  rewind(answer) {
    const area = /** @type {number} */ (this.#area);
    const view = new DataView(this.#exports.memory.buffer);
    const room = this.#roomEnd();
    this.#variables.forEach(([name, type], index) => {
      const place = room + 8 * index;
      let value;
      if (type === "i64") value = view.getBigInt64(place, true);
      else if (type === "f64") value = view.getFloat64(place, true);
      else value = type === "i32" ? view.getInt32(place, true) : view.getFloat32(place, true);
      this.#exports[name].value = value;
    });
    const top = view.getUint32(area, true);
    const count = top < area + 12 || top > room ? MOST_UPCALLS + 1 : view.getUint32(top - 4, true);
    const start = top - 4 - 4 * count;
    const damaged = () => {
      this.#end(trapped(DAMAGED));
      return false;
    };
    if (count > MOST_UPCALLS || start < area + 8) return damaged();
    this.#through = Array.from({ length: count }, (_, index) => view.getUint32(start + 4 * index, true));
    const callable = (/** @type {number} */ place) => typeof this.#exports[this.#names[place]] === "function";
    if (!this.#through.every(callable)) return damaged();
    view.setUint32(area, start, true);
    view.setUint32(area + 4, room, true);
    this.#answer = answer;
    this.apart.value = UNWINDING;
    this.#exports.asyncify_start_rewind(area);
    this.apart.value = REWINDING;
    return true;
  }

  /**
   * The guest has made a call while its stack was not whole. What that answers; or, if there is more
   * of the stack, as `call`.
   */
  reached() {
    if (this.apart.value === UNWINDING) return this.#end(trapped(DID_NOT_UNWIND));
    if (this.#upcalls.length < this.#through.length) {
      return this.call(this.#through[this.#upcalls.length], []);
    }
    this.apart.value = UNWINDING;
    this.#exports.asyncify_stop_rewind();
    this.apart.value = RUNNING;
    return this.#answer;
  }
}
