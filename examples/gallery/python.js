/** Runs what is in the editor as a script, or Python's own prompt. */

import "../loader.js";
import { HOME, terminalWorkbench } from "./workbench.js";

const { terminal, bench } = terminalWorkbench({ run, buttons: { prompt } });

async function run() {
  await terminal.wasix.fs.writeFile(`${HOME}/main.py`, bench.code);
  start("main.py");
}

function prompt() {
  start("-q");
}

/** @param {string} args */
function start(args) {
  terminal.setAttribute("args", args); // which starts it
  terminal.focus();
}
