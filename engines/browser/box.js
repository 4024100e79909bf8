/**
 * What passes between the worker of a guest thread and the kernel's: room for one request, its answer,
 * and bytes that go either way. The guest's worker makes a request, says so in a message unless the
 * kernel's worker is looking for it, and sleeps until there is an answer. That worker sleeps only for
 * the moment that a `WISH` takes. How they sleep is told by `shared.js`, where both have the box, and
 * `held.js` and `ported.js`, where each has its own and letters carry what is in it.
 */

import { DATA } from "#glue";

/** What a guest's worker may ask for; `host.js` does it. */
export const REQUEST = {
  /** Make a system call: its number, then what its decoder gets. The staging area is in the bytes. */
  CALL: 0,
  /** Wait, or be held up, after a call that has answered this. */
  WAIT: 1,
  /** What to call: its arguments are the numbers, its name is in the bytes. */
  UPCALL: 2,
  /** That has returned. */
  PROCEED: 3,
  /** The guest has its memory, which is one of those given: which. */
  OPENED: 4,
  /** Its memory is to be made that of its snapshot. */
  RESTORE: 5,
  /** Its stack is unwound to an area: what its call answers, with a count of 0 for nothing. */
  SUSPENDED: 6,
  /** The staging area once more, so many bytes of it. */
  FETCH: 7,
};

// Words, by place.
/** Whether there is an answer, or one of `WISH`. What a guest's worker sleeps at. */
export const ANSWERED = 0;
/** Whether the kernel has news for the thread. */
export const NEWS = 1;
/** Whether a call that had waited is done. */
export const FINISHED = 2;
/** One of `REQUEST`. */
export const KIND = 3;
/** How many numbers there are. */
export const COUNT = 4;
/** Which of the numbers are unsigned, by bit. */
export const UNSIGNED = 5;
/** How many bytes there are; in an answer more than there is room for, if it has not. */
export const LENGTH = 6;
export const ANSWER = 7;
/** Whether there is a request that the kernel's worker has not seen. */
export const ASKED = 8;
/** Whether that worker looks for one, and need not be told. */
export const LISTENS = 9;
/** Bytes there is room for, as the kernel's worker knows. */
export const ROOM = 10;
/** Whether a wish has been fulfilled. What the kernel's worker waits for, as it is at once. */
export const FULFILLED = 11;
/** Pages of the guest's memory. */
export const PAGES = 12;
/** An even number, for what follows. */
const WORDS = 14;

/**
 * What the kernel may wish of a guest that waits for its answer and whose memory is its worker's alone:
 * that so many bytes of it, from the first number on, be put among the bytes here, or taken from them.
 */
export const WISH = { READ: 2, WRITE: 3 };

/**
 * Looks for what the other side is about to do before a worker sleeps, or turns to something else:
 * some 20 µs, where telling and waking take 50 to 100.
 */
export const LOOKS = 2000;

/** Numbers of a request, and of an answer. */
const NUMBERS = 32;

export class Box {
  /** Bytes of its words and numbers. */
  static STATE = 4 * WORDS + 8 * NUMBERS;
  /** Bytes there is room for at first. */
  static ROOM = DATA + 65536;

  /** @param {ArrayBufferLike} [state] @param {ArrayBufferLike} [data] */
  constructor(state = new ArrayBuffer(Box.STATE), data = new ArrayBuffer(Box.ROOM)) {
    this.words = new Int32Array(state, 0, WORDS);
    this.numbers = new BigInt64Array(state, 4 * WORDS, NUMBERS);
    this.bytes = new Uint8Array(data);
  }

  /** Its bytes are somewhere else, where there is more room. @param {ArrayBufferLike} data */
  replace(data) {
    this.bytes = new Uint8Array(data);
  }

  /** Have room for so many bytes, if nobody else looks into it. @param {number} size */
  reserve(size) {
    if (size <= this.bytes.length) return true;
    try {
      this.replace(new ArrayBuffer(Math.max(size, 2 * this.bytes.length)));
    } catch {
      return false;
    }
    return true;
  }

  /** What is in it, with the first `length` of its bytes. @param {number} length */
  letter(length) {
    const state = new Uint8Array(this.words.buffer);
    const whole = new Uint8Array(state.length + length);
    whole.set(state);
    whole.set(this.bytes.subarray(0, length), state.length);
    return whole;
  }

  /** Put into it what a letter has. @param {Uint8Array} letter */
  open(letter) {
    const bytes = letter.subarray(Box.STATE);
    new Uint8Array(this.words.buffer).set(letter.subarray(0, Box.STATE));
    this.reserve(Math.max(bytes.length, this.words[LENGTH]));
    this.bytes.set(bytes);
  }

  /** The same, but for the news, which is known better here. @param {Uint8Array} letter */
  openRequest(letter) {
    const news = this.words[NEWS];
    this.open(letter);
    this.words[NEWS] = news;
  }
}
