/** A shell, with programs that it finds in its PATH. */

import "../loader.js";
import { Status } from "../../web/status.js";

const TOOLS = ["cat", "cksum", "env", "grep", "head", "kill", "ls", "seq", "sleep", "sort", "tee", "wc", "yes"];

const terminal = /** @type {import("../../web/element.js").WasixTerminal} */ (document.querySelector("wasix-terminal"));
const status = new Status(/** @type {Element} */ (document.querySelector(".run")));
const { fs } = terminal.wasix;

/** @param {string} url */
async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be fetched: HTTP status ${response.status}`);
  return response.arrayBuffer();
}

terminal.addEventListener("state", (event) => status.show(/** @type {CustomEvent} */ (event).detail));
for (const button of document.querySelectorAll(".try button")) {
  button.addEventListener("click", () => {
    void terminal.process?.type(`${button.querySelector("code")?.textContent}\r`);
    terminal.focus();
  });
}

// The tools are one program, which looks at the name it is called by.
const [shell, tools] = await Promise.all(["sh.wasm", "tools.wasm"].map(fetched));
await fs.writeFile("/bin/sh", shell);
for (const name of TOOLS) await fs.writeFile(`/bin/${name}`, tools);
await fs.writeFile("/home/fruit", "pear\napple\nquince\n");
await fs.writeFile("/home/hello.sh", '#!/bin/sh\nfor name; do\n  echo "Hello, $name!"\ndone\n');

terminal.setAttribute("args", "-i");
terminal.setAttribute("program", "sh.wasm");
terminal.focus();
