/** Runs what is in the editor as a script, or a loop that evaluates what is typed. */

import "../loader.js";
import { SAMPLES } from "../../web/samples.js";
import { HOME, terminalWorkbench } from "./workbench.js";

const { terminal, bench } = terminalWorkbench({ run, buttons: { prompt }, indent: "  " });

function run() {
  terminal.focus();
  return start("main.rb", bench.code);
}

function prompt() {
  terminal.focus();
  // This build has no irb.
  return start("repl.rb", SAMPLES.ruby.files?.["repl.rb"] ?? "");
}

/** @param {string} file @param {string} code */
async function start(file, code) {
  await terminal.wasix.fs.writeFile(`${HOME}/${file}`, code);
  await terminal.clear();
  await terminal.run("ruby", [file]);
}

await start("main.rb", bench.code);
