/**
 * Assembles WebAssembly text: `node assemble.mjs PACKAGES FILE.wat...` writes FILE.wasm beside each.
 * PACKAGES is the directory of npm packages.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [packages, ...files] = process.argv.slice(2);
const wabt = await createRequire(`${packages}/`)("wabt")();
for (const file of files) {
  const module = wabt.parseWat(file, readFileSync(file, "utf8"), { multi_memory: true });
  writeFileSync(file.replace(/\.wat$/, ".wasm"), module.toBinary({}).buffer);
}
