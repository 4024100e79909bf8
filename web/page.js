/** The bundle's own page: a program picker, a terminal, and the program's files. */

import { FilePanel } from "./files.js";
import { dropped } from "./incoming.js";
import { SAMPLES } from "./samples.js";
import { Status } from "./status.js";
import { TaskPanel } from "./tasks.js";

const HOME = "/home";
const QUIET = 300; // milliseconds without output after which files are looked at

/** @type {<T extends Element>(selector: string) => T} */
const find = (selector) => /** @type {any} */ (document.querySelector(selector));

const terminal = /** @type {import("./element.js").WasixTerminal} */ (find("wasix-terminal"));
const form = /** @type {HTMLFormElement} */ (find("form"));
const args = /** @type {HTMLInputElement} */ (form.elements.namedItem("args"));
const stop = /** @type {HTMLButtonElement} */ (form.elements.namedItem("stop"));
const status = new Status(find("footer"));
const hint = /** @type {HTMLElement} */ (find(".hint"));
const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll("nav a")]);

const loud = /** @type {HTMLInputElement} */ (find("#screen-reader"));
const panel = /** @type {HTMLElement} */ (find("aside"));
const files = new FilePanel(panel, terminal.wasix.fs, HOME);
new TaskPanel(find(".tasks"), terminal);

/** What the address asks for: `#python -q` is a program and its arguments. */
function wanted() {
  const text = location.hash.replace(/(?:%[0-9a-f]{2})+/gi, decoded);
  const [, name, words] = /^#([^ ]*)(?: (.*))?$/s.exec(text) ?? [];
  const link = links.find((link) => link.dataset.program === name) ?? links[0];
  const program = link.dataset.program ?? "";
  const sample = Object.hasOwn(SAMPLES, program) ? SAMPLES[program] : {};
  return { link, program, sample, words: words ?? sample.args ?? "" };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody typed it
  }
}

/** Counts runs, so that one that is overtaken knows. */
let turn = 0;

/** Run what the address asks for. */
async function run() {
  const mine = ++turn;
  const { link, program, sample, words } = wanted();
  for (const other of links) other.ariaCurrent = other === link ? "true" : null;
  link.scrollIntoView({ block: "nearest", inline: "nearest" });
  document.title = `${program} - wasix`;
  args.value = words;
  hint.textContent = sample.hint ?? "";
  show({ phase: "loading", loaded: 0, total: null });
  terminal.focus();
  await provide(sample.files ?? {});
  if (mine !== turn) return;
  terminal.setAttribute("args", words);
  terminal.setAttribute("program", program);
}

/** Make files unless there are some of that name. @param {Record<string, string>} samples */
async function provide(samples) {
  const { fs } = terminal.wasix;
  const names = Object.keys(samples);
  const present = names.length ? await fs.list(HOME).catch(() => []) : [];
  for (const name of names) {
    if (present.some((entry) => entry.name === name)) continue;
    // Another tab may be the one that keeps files.
    await fs.writeFile(`${HOME}/${name}`, samples[name]).catch(() => {});
  }
}

/** @param {import("./element.js").State} state */
function show(state) {
  status.show(state);
  stop.disabled = state.phase !== "running";
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let pause;

function lookAtFiles() {
  clearTimeout(pause);
  pause = setTimeout(() => void files.refresh(), QUIET);
}

terminal.addEventListener("state", (event) => {
  show(/** @type {CustomEvent} */ (event).detail);
  lookAtFiles();
});
terminal.addEventListener("output", lookAtFiles);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { hash } = location;
  location.hash = `${wanted().program}%20${encodeURIComponent(args.value)}`;
  if (location.hash === hash) restart();
});
stop.addEventListener("click", () => void terminal.stop());
addEventListener("hashchange", () => void run());
for (const link of links) {
  // Choosing what runs already starts it again.
  link.addEventListener("click", () => {
    if (link.hash === location.hash) restart();
  });
}

function restart() {
  terminal.focus();
  void terminal.start();
}

loud.addEventListener("change", () => terminal.toggleAttribute("screen-reader", loud.checked));

for (const type of ["dragenter", "dragover"]) {
  addEventListener(type, (event) => {
    const { dataTransfer } = /** @type {DragEvent} */ (event);
    if (!dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    panel.classList.add("wanted");
  });
}
for (const type of ["dragleave", "drop"]) addEventListener(type, () => panel.classList.remove("wanted"));
addEventListener("drop", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  void files.add(dropped(event.dataTransfer));
});

customElements.whenDefined("wasix-terminal").then(run);
