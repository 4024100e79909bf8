/**
 * Where workers that cannot share memory sleep: a synchronous request of theirs is held here until
 * there is a letter (`../engines/browser/held.js`). What is here is lost whenever the browser ends the
 * service worker, so senders keep what they sent.
 */

/** Milliseconds a request is held: browsers end service workers whose events take much longer. */
const HELD = 15_000;
/** Milliseconds within which a service worker is replaced by one that is installed. */
const REPLACED = 10_000;
/** Milliseconds after which a slot is forgotten that nobody has used: its page may be gone. */
const UNUSED = 60_000;

/**
 * @typedef {object} Slot
 * @property {number} used When it was last.
 * @property {number} number Of the letter that is there, which stays until the next one comes.
 * @property {Uint8Array | null} letter
 * @property {{ number: number, answer: (response: Response) => void } | null} sleeper
 */

const letter = (/** @type {any} */ bytes) => new Response(bytes, { headers: { "Cache-Control": "no-store" } });
/** There is no letter yet: ask again. */
const none = () => new Response(null, { status: 204 });
/** Ask again in a moment. */
const later = () => new Response(null, { status: 205 });

export class Slots {
  /** By name. @type {Map<string, Slot>} */
  #slots = new Map();
  #url;
  #channel;
  /** Till when it is about to be replaced. */
  #leaves = -Infinity;

  /** @param {string} scope The service worker's. */
  constructor(scope) {
    this.#url = `${scope}wait/`;
    // By the name that those who send know: `offline.js`.
    this.#channel = new BroadcastChannel(`wasix ${scope}`);
    this.#channel.onmessage = ({ data }) => {
      if (data.leave) this.#leave();
      else if (data.over) for (const name of data.over) this.#close(name);
      else this.#put(data.to, data.number, data.letter);
    };
  }

  /** Have the service worker that is here now hold nothing when this one takes its place. */
  replace() {
    this.#channel.postMessage({ leave: true });
  }

  /**
   * Hold nothing any more. WebKit may never answer what a service worker held when it was replaced, and
   * Chromium does not replace one that holds something, for minutes.
   */
  #leave() {
    this.#leaves = performance.now() + REPLACED;
    for (const { sleeper } of this.#slots.values()) sleeper?.answer(later());
  }

  /** Whether a request is for a slot. @param {string} url */
  has(url) {
    return url.startsWith(this.#url);
  }

  /** What `url` is answered. @param {string} url @returns {Response | Promise<Response>} */
  answer(url) {
    const [name, number] = url.slice(this.#url.length).split("/");
    return number === undefined ? none() : this.#sleep(name, Number(number));
  }

  /** @param {string} name @param {number} number @param {Uint8Array} bytes */
  #put(name, number, bytes) {
    const slot = this.#slot(name);
    if (number < slot.number) return;
    slot.number = number;
    slot.letter = bytes;
    if (slot.sleeper?.number === number) slot.sleeper.answer(letter(bytes));
  }

  /** @param {string} name @param {number} number */
  #sleep(name, number) {
    const known = this.#slots.has(name);
    const slot = this.#slot(name);
    if (slot.letter && slot.number === number) return letter(slot.letter);
    if (performance.now() < this.#leaves) return later();
    // A letter may have come to the service worker that was here before.
    if (!known) return none();
    slot.sleeper?.answer(none());
    return /** @type {Promise<Response>} */ (
      new Promise((resolve) => {
        const timer = setTimeout(() => sleeper.answer(none()), HELD);
        const sleeper = {
          number,
          answer: (/** @type {Response} */ response) => {
            clearTimeout(timer);
            if (slot.sleeper === sleeper) slot.sleeper = null;
            resolve(response);
          },
        };
        slot.sleeper = sleeper;
      })
    );
  }

  /** @param {string} name */
  #slot(name) {
    let slot = this.#slots.get(name);
    const used = performance.now();
    if (!slot) {
      for (const [other, { used: last, sleeper }] of this.#slots) {
        if (!sleeper && used - last > UNUSED) this.#slots.delete(other);
      }
      this.#slots.set(name, (slot = { used, number: 0, letter: null, sleeper: null }));
    }
    slot.used = used;
    return slot;
  }

  /** @param {string} name */
  #close(name) {
    this.#slots.get(name)?.sleeper?.answer(none());
    this.#slots.delete(name);
  }
}
