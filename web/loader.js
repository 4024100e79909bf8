/**
 * What a page loads: `<script type="module" src="loader.js">`.
 *
 * It defines `<wasix-terminal>` and exports `load`:
 *
 *     const wasix = await load();
 *     const { stdout } = await wasix.run("cowsay", ["hi"]);
 */

import { WasixTerminal } from "./element.js";
import { Wasix } from "./wasix.js";

export { offline } from "./offline.js";
export { Wasix, WasixTerminal };

/**
 * Start a kernel. It is ready when the promise resolves.
 * @param {import("./wasix.js").KernelOptions} [options]
 */
export async function load(options) {
  const wasix = new Wasix(options);
  await wasix.ready();
  return wasix;
}

if (!customElements.get("wasix-terminal")) customElements.define("wasix-terminal", WasixTerminal);
