/** Has PHP make a page of what is in the editor, and shows it. */

import { load } from "../loader.js";
import { HOME, workbench } from "./workbench.js";

/** @type {<T extends Element>(selector: string) => T} */
const find = (selector) => /** @type {any} */ (document.querySelector(selector));
const frame = /** @type {HTMLIFrameElement} */ (find("iframe"));
const errors = /** @type {HTMLElement} */ (find(".errors"));
const query = /** @type {HTMLInputElement} */ (find("#query"));

const wasix = await load({
  progress: (loaded, total) => loading && bench.show({ phase: "loading", loaded, total }),
});
const bench = workbench({ wasix, run, stop: () => turn.abort() });
let loading = true;
let turn = new AbortController();

async function run() {
  turn.abort();
  const { signal } = (turn = new AbortController());
  bench.show({ phase: "running" });
  try {
    await wasix.fs.writeFile(`${HOME}/index.php`, bench.code);
    // Names and values behind the script's name are what $_GET holds.
    const done = await wasix.run("php", ["index.php", ...query.value.split("&")], { cwd: HOME, signal });
    frame.srcdoc = done.stdout;
    errors.textContent = [done.stderr, done.message].filter(Boolean).join("\n");
    bench.show({ phase: "ended", status: done.status });
  } catch (error) {
    if (turn.signal !== signal) return; // another run has begun
    errors.textContent = signal.aborted ? "Stopped" : String(error);
    bench.show({ phase: "failed", message: String(error) });
  }
}

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void run();
});
await run();
loading = false;
