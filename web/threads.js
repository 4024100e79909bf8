/** Workers for guest threads that do not take turns with the kernel: one for each. */

import { Hired } from "./hired.js";

/** @typedef {import("../engines/browser/host.js").RemoteThread} RemoteThread */
/** @typedef {import("../engines/browser/outcome.js").Outcome} Outcome */
/** @typedef {import("../engines/browser/remote.js").Order} Order */

/** Workers kept for the next threads. */
const MOST_IDLE = 4;

export class Threads {
  /** @type {Hired[]} */
  #idle = [];
  /** By tid. @type {Map<number, { worker: Hired, resolve: (outcome: Outcome) => void }>} */
  #running = new Map();
  #url;

  /** @param {string} url Of their script (`thread.js`). */
  constructor(url) {
    this.#url = url;
  }

  /**
   * Run a guest thread to its end.
   * @param {number} tid @param {RemoteThread} thread @param {Omit<Order, "shared" | "held">} order
   * @returns {Promise<Outcome>}
   */
  run(tid, thread, order) {
    return new Promise((resolve) => {
      const worker = this.#idle.pop() ?? new Hired(this.#url);
      this.#running.set(tid, { worker, resolve });
      worker.onmessage = ({ data }) => {
        if (data?.outcome) this.#ended(tid, data.outcome);
        else thread.receive(data);
      };
      worker.onerror = (message) => this.stop(tid, { end: "failed", message: `its worker failed: ${message}` });
      thread.end.send = (answer) => worker.postMessage(answer);
      worker.postMessage({ ...order, ...thread.end.given });
    });
  }

  /** @param {number} tid @param {Outcome} outcome */
  #ended(tid, outcome) {
    const found = this.#running.get(tid);
    if (!found) return;
    this.#running.delete(tid);
    if (this.#idle.length < MOST_IDLE) this.#idle.push(found.worker);
    else found.worker.terminate();
    found.resolve(outcome);
  }

  /** End a thread, whatever it does, if it runs in a worker. @param {number} tid @param {Outcome} [outcome] */
  stop(tid, outcome = { end: "unwound", message: "" }) {
    const found = this.#running.get(tid);
    if (!found) return;
    this.#running.delete(tid);
    found.worker.terminate();
    found.resolve(outcome);
  }
}
