// Runs one guest whose linear memory the host sees. A system call leaves its number and arguments in
// the mailbox, enters the host, and finds the errno there. engines/js/generate.py defines the names in
// capitals, and wraps it into a function.
globalThis.guest = (() => {
  Error.stackTraceLimit = FRAMES;
  const mailbox = new ArrayBuffer(MAILBOX_SIZE);
  const words = new Int32Array(mailbox);
  const longs = new BigInt64Array(mailbox);

  // A thrown exception could be caught by the guest's catch_all; a trap cannot. So what must not
  // return goes through a module whose only function is `unreachable`.
  const { trap } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0,
    7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0, 11,
  ]))).exports;

  let memory, buffer, fuel;
  let unwinding = false;

  function enter(number) {
    // The host keeps a view by address and is told the new length when memory has grown.
    if (memory !== undefined && memory.buffer !== buffer) {
      buffer = memory.buffer;
      longs[1] = BigInt(buffer.byteLength);
      memoryGrown();
    }
    if (fuel !== undefined) longs[FUEL] = fuel.value;
    words[0] = number;
    callHost();
    const errno = words[0];
    if (errno === UNWIND) {
      unwinding = true;
      trap();
    }
    return errno;
  }

  // What to give the module: functions as [module, name, number], memories and tags with their types;
  // and the functions by number.
  function link({ functions, memories, tags }, calls) {
    const imports = {};
    const give = (module, name, value) => ((imports[module] ??= {})[name] = value);
    for (const [module, name, number] of functions) give(module, name, calls[number]);
    for (const [module, name, type] of memories) give(module, name, new WebAssembly.Memory(type));
    for (const [module, name, type] of tags) give(module, name, new WebAssembly.Tag(type));
    return imports;
  }

  const report = (outcome) => {
    if (fuel !== undefined) outcome.fuel = String(fuel.value);
    return JSON.stringify(outcome);
  };

  const described = (error) => {
    if (unwinding) return { end: "unwound" };
    const trapped = error instanceof WebAssembly.RuntimeError;
    const message = trapped ? error.message
      // A RangeError, or SpiderMonkey's InternalError. Engines throw the former for memory too.
      : /stack|recursion/.test(String(error)) ? "stack overflow"
      : error instanceof WebAssembly.Exception ? "an exception was thrown and not caught"
      : String(error);
    return { end: "trapped", message, backtrace: (error && error.stack) || "" };
  };

  return {
    mailbox,
    bytes: null,
    // A buffer to leave the module in.
    load(size) {
      return (this.bytes = new ArrayBuffer(size));
    },
    // Compiles and instantiates a module of so many bytes, which runs a start function. "" or a report
    // of how that ended. `makeCalls` makes the functions that it imports of (words, longs, enter).
    instantiate(size, wanted, makeCalls) {
      const module = new WebAssembly.Module(new Uint8Array(this.bytes, 0, size));
      this.bytes = null;
      try {
        this.instance = new WebAssembly.Instance(module, link(wanted, makeCalls(words, longs, enter)));
      } catch (error) {
        if (error instanceof WebAssembly.LinkError) throw error;
        return report(described(error));
      }
      if (wanted.fuel !== undefined) {
        const [variable, limit, start] = wanted.fuel;
        fuel = this.instance.exports[variable];
        fuel.value = BigInt(limit);
        this.first = this.instance.exports[start];
      }
      ({ memory } = this.instance.exports);
      buffer = memory.buffer;
      longs[1] = BigInt(buffer.byteLength);
      return "";
    },
    memory: () => memory.buffer,
    start() {
      try {
        this.first?.();
        this.instance.exports._start();
        return report({ end: "returned" });
      } catch (error) {
        return report(described(error));
      }
    },
  };
})();
