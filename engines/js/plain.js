// Serves plain modules to a host on another thread or in another process: what it wants stands in the
// mailbox whenever callHost returns, and what has happened stands there whenever it is called.
"use strict";

globalThis.plain = (() => {
  Error.stackTraceLimit = 100;
  const TEXT = 65536;
  const CHUNK = 65536;
  // What the host wants, and what has happened; as in engines/js/channel.py.
  const [OK, UNWIND, RUN, DO, MORE, BYTES, EXIT, DONE, FAILED, HOST] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const mail = new WebAssembly.Memory({ initial: 2, maximum: 2 });
  const words = new Int32Array(mail.buffer, 0, 8);
  const text = new Uint8Array(mail.buffer, TEXT, CHUNK);
  const items = [null];
  const modules = [];
  const calls = [];
  const functions = new Map();
  const externs = [null];
  const numbers = new Map();
  let pending = "";
  let bytes = null;
  let filled = 0;

  const add = (item) => items.push(item) - 1;

  function read() {
    let found = "";
    for (let at = 0; at < words[1]; at += 4096) {
      found += String.fromCharCode(...text.subarray(at, Math.min(at + 4096, words[1])));
    }
    return found;
  }

  function write(value) {
    const json = JSON.stringify(value ?? null);
    let at = 0;
    for (let i = 0; i < json.length; i++) {
      const code = json.charCodeAt(i);
      if (code < 127) text[at++] = code;
      else for (const c of `\\u${code.toString(16).padStart(4, "0")}`) text[at++] = c.charCodeAt(0);
    }
    words[1] = at;
  }

  function described(error) {
    const trapped = error instanceof WebAssembly.RuntimeError;
    const refused = error instanceof WebAssembly.LinkError
      || error instanceof WebAssembly.CompileError;
    const message = trapped || refused ? error.message
      : /stack|recursion/.test(String(error)) ? "stack overflow"
      : error instanceof WebAssembly.Exception ? "an exception was thrown and not caught"
      : String(error);
    const stack = String((error && error.stack) || "").split("\n").slice(0, 65).map((line) => line.slice(0, 200));
    return { refused, message: message.slice(0, 1000), stack };
  }

  // Does what the host wants, and says how that went.
  function perform() {
    const what = words[0];
    words[2] = 1;
    try {
      if (what === RUN) {
        calls[words[1]]();
        words[0] = DONE;
        return;
      }
      if (what === BYTES) {
        bytes.set(text.subarray(0, words[1]), filled);
        filled += words[1];
        words[0] = DONE;
        return;
      }
      pending += read();
      if (what === DO) {
        const wanted = pending;
        pending = "";
        const [name, ...args] = JSON.parse(wanted);
        write(globalThis.plain[name](...args));
      }
      words[0] = DONE;
    } catch (error) {
      write(described(error));
      words[0] = FAILED;
    }
  }

  function enter(number) {
    words[0] = HOST;
    words[1] = number;
    for (;;) {
      callHost();
      if (words[0] === OK) return 0;
      if (words[0] === UNWIND) return 1;
      perform();
    }
  }

  const references = {
    mail,
    toExtern: (number) => externs[number] ?? null,
    fromExtern: (value) => numbers.get(value) ?? 0,
    toFunction: (number) => (number ? items[number] : null),
    fromFunction(value) {
      if (value === null) return 0;
      if (!functions.has(value)) functions.set(value, add(value));
      return functions.get(value);
    },
  };

  const shim = (f) => new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    m: { ...references, f },
  }).exports.run;

  const of = (element, reference) => (element === "externref"
    ? references.toExtern(reference) : references.toFunction(reference));
  const number = (element, value) => (element === "externref"
    ? references.fromExtern(value) : references.fromFunction(value));

  return {
    mail: () => mail.buffer,
    buffer: (item) => items[item].buffer,
    serve() {
      pending = "";
      words[0] = DONE;
      for (;;) {
        callHost();
        if (words[0] === EXIT) return;
        perform();
      }
    },
    begin(size) {
      bytes = new Uint8Array(size);
      filled = 0;
    },
    compile: () => modules.push(new WebAssembly.Module(bytes)) - 1,
    forget(module) {
      modules[module] = null;
    },
    instantiate(module, given, names) {
      const imports = Object.create(null);
      for (const [from, name, item] of given) {
        (imports[from] ??= Object.create(null))[name] = items[item];
      }
      const { exports } = new WebAssembly.Instance(modules[module], imports);
      return names.map((name) => {
        const found = exports[name];
        return typeof found === "function" ? references.fromFunction(found) : add(found);
      });
    },
    host: () => references.fromFunction(shim(enter)),
    caller: (item) => calls.push(shim(items[item])) - 1,
    extern() {
      const object = Object.freeze({});
      numbers.set(object, externs.push(object) - 1);
      return externs.length - 1;
    },
    memory: (type) => add(new WebAssembly.Memory(type)),
    table: (type) => add(new WebAssembly.Table(type, null)),
    bytes: (item) => items[item].buffer.byteLength,
    grow(item, pages) {
      for (const count of [pages, BigInt(pages)]) { // the second for a memory of 64 bits
        try {
          return Number(items[item].grow(count));
        } catch (error) {
          if (!(error instanceof TypeError)) return -1;
        }
      }
      return -1;
    },
    length: (item) => items[item].length,
    get: (item, element, index) => number(element, items[item].get(index)),
    set(item, element, index, reference) {
      items[item].set(index, of(element, reference));
    },
    extend(item, element, count, reference) {
      const table = items[item];
      const value = of(element, reference);
      let before;
      try {
        before = table.grow(count, value);
      } catch {
        return -1;
      }
      // JavaScriptCore shows them, but its call_indirect takes them for null until they are set.
      if (value !== null) for (let at = before; at < table.length; at++) table.set(at, value);
      return before;
    },
    // Where the host is another process: has the file that it gave laid over a memory.
    cover(item) {
      words[3] = item;
      words[4] = 0;
      coverMemory();
      if (words[4]) throw new Error("the engine moved a memory that grew, and so it cannot be shared");
      return items[item].buffer.byteLength;
    },
    // A global is reached by a module that imports it, and one is made by a module that exports it.
    variable(item) {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
        m: { ...references, f: () => {}, v: items[item] },
      });
      return [calls.push(exports.load) - 1, exports.save ? calls.push(exports.save) - 1 : -1];
    },
    make() {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
        m: { ...references, f: () => {} },
      });
      if (exports.save) exports.save();
      return add(exports.v);
    },
  };
})();
