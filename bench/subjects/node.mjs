// Node's own WASI as a subject (see bench/subjects/__init__.py): `node node.mjs FOLDER GUEST...`,
// GUEST being NAME=PATH of a compiled guest.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { devNull } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WASI } from "node:wasi";

const [folder, ...rest] = process.argv.slice(2);
const guests = Object.fromEntries(rest.map((item) => item.split("=", 2)));

class Unsupported extends Error {}

const modules = new Map();
async function known(path) {
  if (!modules.has(path)) modules.set(path, await WebAssembly.compile(readFileSync(path)));
  return modules.get(path);
}

const seconds = (since) => Number(process.hrtime.bigint() - since) / 1e9;

/** Runs a module in a WASI of its own; its exit status. */
async function run(module, args, options = {}) {
  const nothing = openSync(devNull, "r+");
  const wasi = new WASI({
    version: "preview1", args, stdin: nothing, stdout: nothing, stderr: nothing, ...options,
  });
  const status = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
  closeSync(nothing);
  return status;
}

const FREE = ["yield", "clock", "random", "poll", "output"];

const subject = {
  versions: () => ({ node: process.versions.node }),

  async call(kind, count, place, descriptors = 0) {
    if (place === "memory" && !FREE.includes(kind)) {
      throw new Unsupported("node:wasi has no files in memory");
    }
    const directory = mkdtempSync(join(folder, "node-"));
    const name = join(directory, "errors");
    const stderr = openSync(name, "w");
    const args = ["calls", kind, String(count), "/data", String(descriptors)];
    const options = { stderr, preopens: { "/data": directory } };
    const status = await run(await known(guests.calls), args, options);
    closeSync(stderr);
    const text = readFileSync(name, "utf8").trim();
    rmSync(directory, { recursive: true });
    if (status) throw new Unsupported(text);
    const [nanoseconds, calls] = text.split(" ").map(Number);
    return nanoseconds / calls / 1e9;
  },

  async once(program, args) {
    const module = await known(program);
    const begin = process.hrtime.bigint();
    await run(module, ["guest", ...args]);
    return seconds(begin);
  },

  async start(path) {
    await run(await known(guests.hello), ["hello"]);
    const times = [];
    for (let i = 0; i < 2; i++) {
      const begin = process.hrtime.bigint();
      await run(await WebAssembly.compile(readFileSync(path)), ["guest"]);
      times.push(seconds(begin));
    }
    return times;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...args] = JSON.parse(line);
  let answer;
  try {
    if (!subject[method]) throw new Unsupported("node:wasi cannot be measured so");
    answer = { value: await subject[method](...args) };
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    answer = { unsupported: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
process.exit(0);
