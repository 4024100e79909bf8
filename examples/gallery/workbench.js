/** What pages with an editor have in common: buttons, the state of what runs, and files. */

import { FilePanel } from "../../web/files.js";
import { Status } from "../../web/status.js";
import { editor } from "./editor.js";

export const HOME = "/home";
const QUIET = 300; // milliseconds without output after which files are looked at

/**
 * @param {object} page
 * @param {import("../../web/wasix.js").Wasix} page.wasix Whose files are shown.
 * @param {() => Promise<unknown>} page.run What the button Run does, and Ctrl-Enter.
 * @param {() => void} page.stop What Stop does.
 * @param {Record<string, () => void>} [page.buttons] What others do, by name.
 * @param {string} [page.indent]
 */
export function workbench({ wasix, run, stop, buttons = {}, indent }) {
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  const status = new Status(/** @type {Element} */ (main.querySelector(".run")));
  const files = new FilePanel(/** @type {HTMLElement} */ (main.querySelector("aside")), wasix.fs, HOME);
  const area = editor(/** @type {HTMLElement} */ (main.querySelector(".editor")), () => void run(), indent);
  /** @type {(name: string) => HTMLButtonElement} */
  const button = (name) => /** @type {any} */ (main.querySelector(`button[name=${name}]`));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  const look = () => {
    clearTimeout(pause);
    pause = setTimeout(() => void files.refresh(), QUIET);
  };

  for (const [name, press] of Object.entries({ ...buttons, run, stop })) {
    button(name).addEventListener("click", () => void press());
  }
  return {
    /** Have the files be looked at, soon. */
    look,
    /** What is in the editor. */
    get code() {
      return area.value;
    },
    /**
     * Show what goes on. @param {import("../../web/element.js").State} state
     * @param {string} [text] Said instead.
     */
    show(state, text) {
      status.show(state, text);
      button("stop").disabled = state.phase !== "running";
      look();
    },
  };
}

/**
 * The same with a terminal, whose state and files are shown.
 * @param {Omit<Parameters<typeof workbench>[0], "wasix" | "stop">} page
 */
export function terminalWorkbench(page) {
  const terminal = /** @type {import("../../web/element.js").WasixTerminal} */ (document.querySelector("wasix-terminal"));
  const bench = workbench({ ...page, wasix: terminal.wasix, stop: () => void terminal.stop() });
  terminal.addEventListener("state", (event) => bench.show(/** @type {CustomEvent} */ (event).detail));
  terminal.addEventListener("output", bench.look);
  return { terminal, bench };
}
