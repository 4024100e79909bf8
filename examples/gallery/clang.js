/** Compiles what is in the editor, links it, and runs the module that is made. */

import "../loader.js";
import { HOME, workbench } from "./workbench.js";

const C = "/usr/lib/wasm32-wasip1";
const COMPILER = "/usr/lib/wasm32-unknown-wasip1";
const LINKED = [`${C}/crt1.o`, "main.o", `-L${C}`, "-lc", `${COMPILER}/libclang_rt.builtins.a`, "-o", "main.wasm"];

const COMPILED = ["-c", "-O2", "-Wall", "-fcolor-diagnostics", "main.c"];

const terminal = /** @type {import("../../web/element.js").WasixTerminal} */ (document.querySelector("wasix-terminal"));
const { wasix } = terminal;
const bench = workbench({ wasix, run, stop: () => void terminal.stop() });
let doing = "";
terminal.addEventListener("state", (event) => {
  const state = /** @type {CustomEvent<import("../../web/element.js").State>} */ (event).detail;
  // What follows a step that went well is the next one.
  if (state.phase === "ended" && state.status === 0 && doing !== "Running") return;
  bench.show(state, state.phase === "running" ? doing : undefined);
});

async function run() {
  await wasix.fs.writeFile(`${HOME}/main.c`, bench.code);
  await terminal.clear();
  if (!(await step("Compiling", "clang", COMPILED))) return;
  if (!(await step("Linking", "wasm-ld", LINKED))) return;
  terminal.focus();
  const module = await wasix.fs.readFile(`${HOME}/main.wasm`);
  await step("Running", { module, name: "main.wasm" });
}

/**
 * Whether it went well.
 * @param {string} what @param {import("../../web/wasix.js").Program} program @param {string[]} [args]
 */
async function step(what, program, args) {
  doing = what;
  const end = await terminal.run(program, args);
  return end?.status === 0;
}

wasix.prefetch("clang");

await run();
