/**
 * Workers that the page makes for the kernel's worker. In one that makes workers itself Firefox (153)
 * may stay in `new Worker` for ever: it waits there for a word that the new worker may take instead.
 */

import { startWorker } from "./workers.js";

/** What the kernel's worker asks of the page. @typedef {{ hire: number, url: string, port: MessagePort } | { fire: number }} Wish */

/** The kernel's side of one. @type {Map<number, Hired>} */
const hired = new Map();
let last = 0;

export class Hired {
  /** @type {(event: { data: any }) => void} */
  onmessage = () => {};
  /** @type {(message: string) => void} */
  onerror = () => {};
  #id = ++last;
  #port;

  /** @param {string} url Of its script, which is sent a port for all else. */
  constructor(url) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = (event) => this.onmessage(event);
    hired.set(this.#id, this);
    /** @type {Wish} */
    const wish = { hire: this.#id, url, port: port2 };
    postMessage(wish, { transfer: [port2] });
  }

  /** @param {any} data */
  postMessage(data) {
    this.#port.postMessage(data);
  }

  terminate() {
    hired.delete(this.#id);
    this.#port.close();
    /** @type {Wish} */
    const wish = { fire: this.#id };
    postMessage(wish);
  }
}

/** The page tells that one has failed. @param {number} id @param {string} message */
export function failed(id, message) {
  hired.get(id)?.onerror(message);
}

/** The page's side: all that one kernel has hired. */
export class Staff {
  /** @type {Map<number, Worker>} */
  #workers = new Map();
  #failed;

  /** @param {(id: number, message: string) => void} failed Told of those that fail. */
  constructor(failed) {
    this.#failed = failed;
  }

  /** @param {Wish} wish */
  obey(wish) {
    if ("fire" in wish) {
      this.#workers.get(wish.fire)?.terminate();
      this.#workers.delete(wish.fire);
      return;
    }
    const worker = startWorker(wish.url, "wasix thread");
    this.#workers.set(wish.hire, worker);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#failed(wish.hire, event.message ?? "it cannot be loaded");
    };
    worker.postMessage(null, [wish.port]);
  }

  /** The kernel is gone. */
  dismiss() {
    for (const worker of this.#workers.values()) worker.terminate();
    this.#workers.clear();
  }
}
