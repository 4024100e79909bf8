/**
 * How the two workers of a guest thread reach each other where they cannot share memory. Each has a
 * box of its own, and letters carry what is in it. The guest's worker sleeps in a synchronous request
 * that a service worker holds (`web/slots.js`) until there is a letter; so does the kernel's for the
 * moment that a `WISH` takes.
 *
 * Service workers are ended at the browser's pleasure, with all that they hold. So a letter has a
 * number, one that comes again is not taken twice, and who has slept in vain sends its own last one
 * again.
 */

import { ANSWERED, Box, LENGTH, WISH } from "./box.js";
import { Lost } from "./outcome.js";

/** @typedef {import("./host.js").End} KernelEnd @typedef {import("./remote.js").End} GuestEnd */

/**
 * Where letters are left: what URLs of slots begin with, and the channel the service worker hears.
 * @typedef {{ url: string, channel: string }} Place
 */

/** Milliseconds until a request has failed that is neither held nor answered; `web/slots.js` holds none so long. */
const TIMEOUT = 20_000;
/** Requests that fail one after the other until the service worker is given up. */
const FAILURES = 20;
/** Milliseconds for which the kernel sleeps in vain until a guest's worker is given up. */
const PATIENCE = 45_000;
const LETTER = 200;
const NONE_YET = 204;
const LATER = 205;
/** Milliseconds until then. */
const PAUSE = 30;

/** Whether requests from here reach a service worker that holds them. @param {Place} place */
export async function holds({ url }) {
  try {
    return (await fetch(`${url}look`)).status === NONE_YET;
  } catch {
    return false;
  }
}

/** Let a moment pass. There is nothing else by which a worker could sleep. */
function pause() {
  for (const end = performance.now() + PAUSE; performance.now() < end; );
}

/** Those that this worker sends to, by name. @type {Map<string, BroadcastChannel>} */
const channels = new Map();

/** @param {string} name @param {object} message */
function tell(name, message) {
  let channel = channels.get(name);
  if (!channel) channels.set(name, (channel = new BroadcastChannel(name)));
  channel.postMessage(message);
}

/** Where one of the workers is sent letters, and sends some to the other. */
class Slot {
  #place;
  #own;
  #other;
  /** The last one. @type {{ to: string, number: number, letter: Uint8Array } | null} */
  #sent = null;

  /** @param {Place} place @param {string} own Its name. @param {string} other The other's. */
  constructor(place, own, other) {
    this.#place = place;
    this.#own = own;
    this.#other = other;
  }

  /** @param {number} number @param {Uint8Array} letter */
  send(number, letter) {
    this.#sent = { to: this.#other, number, letter };
    this.again();
  }

  again() {
    if (this.#sent) tell(this.#place.channel, this.#sent);
  }

  /** Nothing is sent again until there is something new. */
  forget() {
    this.#sent = null;
  }

  /**
   * Sleep until a letter comes.
   * @param {number} number Its number. @param {() => void} again Sends once more what it answers.
   * @param {number} [patience] For how many milliseconds to do so.
   */
  sleep(number, again, patience = Infinity) {
    const end = performance.now() + patience;
    for (let failures = 0; ; again()) {
      const { status, response } = this.#ask(number);
      if (status === LETTER) return new Uint8Array(response);
      if (status === LATER) pause();
      if (status === NONE_YET || status === LATER) {
        failures = 0;
        if (performance.now() > end) throw new Lost("the worker of a program does not answer");
      } else if (++failures === FAILURES) {
        throw new Lost("the service worker by which programs wait is gone: load the page again");
      }
    }
  }

  /** @param {number} number */
  #ask(number) {
    const request = new XMLHttpRequest();
    request.open("GET", `${this.#place.url}${this.#own}/${number}`, false);
    request.responseType = "arraybuffer";
    request.timeout = TIMEOUT;
    try {
      request.send();
    } catch {
      // The service worker was ended, or replaced. The next request starts it again.
    }
    return request;
  }

  close() {
    tell(this.#place.channel, { over: [this.#own, this.#other] });
  }
}

/** The two names of a line. @param {string} line */
const names = (line) => [`${line}-kernel`, `${line}-guest`];

/** The kernel's end. @implements {KernelEnd} */
export class HeldEnd {
  box = new Box();
  #line = crypto.randomUUID();
  #place;
  #slot;
  /** That of the last letter that came. */
  #number = 0;

  /** @param {Place} place */
  constructor(place) {
    this.#place = place;
    const [own, other] = names(this.#line);
    this.#slot = new Slot(place, own, other);
  }

  /** What the guest's worker needs for its end. */
  get given() {
    return { held: { place: this.#place, line: this.#line } };
  }

  /** @param {{ number: number, letter: Uint8Array }} sent */
  take({ number, letter }) {
    if (number <= this.#number) {
      this.#slot.again();
      return false;
    }
    this.#open(number, letter);
    return true;
  }

  /** @param {number} number @param {Uint8Array} letter */
  #open(number, letter) {
    this.#number = number;
    this.#slot.forget();
    this.box.openRequest(letter);
  }

  listen() {}

  more() {
    return false;
  }

  answer() {
    const { box } = this;
    box.words[ANSWERED] = 1;
    this.#slot.send(this.#number, box.letter(box.words[LENGTH]));
  }

  /** @param {number} wish */
  wish(wish) {
    const { box } = this;
    box.words[ANSWERED] = wish;
    this.#slot.send(this.#number, box.letter(wish === WISH.WRITE ? box.words[LENGTH] : 0));
    const next = this.#number + 1;
    this.#open(next, this.#slot.sleep(next, () => this.#slot.again(), PATIENCE));
  }

  /** @param {number} size */
  reserve(size) {
    return this.box.reserve(size);
  }

  /** @param {number} size */
  piece(size) {
    this.reserve(size);
  }

  close() {
    this.#slot.close();
  }
}

/** The guest's end. @implements {GuestEnd} */
export class HeldGuestEnd {
  box = new Box();
  #slot;
  #send;
  /** That of the last letter that was sent. */
  #number = 0;
  #again = () => {};

  /**
   * @param {{ place: Place, line: string }} given
   * @param {(sent: { number: number, letter: Uint8Array }) => void} send Tells the kernel's worker.
   */
  constructor({ place, line }, send) {
    const [other, own] = names(line);
    this.#slot = new Slot(place, own, other);
    this.#send = send;
  }

  ask() {
    const { box } = this;
    const sent = { number: ++this.#number, letter: box.letter(box.words[LENGTH]) };
    this.#again = () => this.#send(sent);
    this.#again();
  }

  sleep() {
    this.box.open(this.#slot.sleep(this.#number, this.#again));
    return this.box.words[ANSWERED];
  }

  /** @param {number} wish */
  fulfilled(wish) {
    const { box } = this;
    this.#slot.send(++this.#number, box.letter(wish === WISH.READ ? box.words[LENGTH] : 0));
    this.#again = () => this.#slot.again();
  }

  /** @param {number} size */
  reserve(size) {
    return this.box.reserve(size);
  }
}
