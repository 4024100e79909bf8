/** What goes on with a terminal's program, in words, and how much of it has been loaded. */

import { size } from "./files.js";

export class Status {
  #text;
  #bytes;
  #progress;

  /** @param {Element} place Holds `[role=status]`, `progress` and `.bytes`. */
  constructor(place) {
    this.#text = /** @type {HTMLElement} */ (place.querySelector("[role=status]"));
    this.#bytes = /** @type {HTMLElement} */ (place.querySelector(".bytes"));
    this.#progress = /** @type {HTMLProgressElement} */ (place.querySelector("progress"));
  }

  /** @param {import("./element.js").State} state @param {string} [text] Said instead. */
  show(state, text = words(state)) {
    const loading = state.phase === "loading";
    this.#progress.hidden = !loading;
    this.#bytes.textContent = "";
    if (loading) {
      const { loaded, total } = state;
      if (total) this.#progress.value = loaded / total;
      else this.#progress.removeAttribute("value");
      if (loaded) this.#bytes.textContent = total ? `${size(loaded)} of ${size(total)}` : size(loaded);
    }
    // What has not changed is not read out again.
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#text.dataset.phase = state.phase === "ended" && state.status ? "failed" : state.phase;
  }
}

/** @param {import("./element.js").State} state */
function words(state) {
  if (state.phase === "loading") return "Loading";
  if (state.phase === "running") return "Running";
  return state.phase === "ended" ? `Ended with status ${state.status}` : "Could not be started";
}
