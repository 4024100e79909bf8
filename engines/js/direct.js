// Runs one guest whose linear memory the host sees. A system call leaves its number and arguments in
// the mailbox, enters the host, and finds the errno there. engines/js/generate.py defines the names in
// capitals, and wraps it into a function.
globalThis.guest = (() => {
  Error.stackTraceLimit = FRAMES;
  const mailbox = new ArrayBuffer(MAILBOX_SIZE + CHUNK_SIZE);
  const words = new Int32Array(mailbox);
  const longs = new BigInt64Array(mailbox);

  // A thrown exception could be caught by the guest's catch_all; a trap cannot. So what must not
  // return goes through a module whose only function is `unreachable`.
  const { trap } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0,
    7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0, 11,
  ]))).exports;

  // V8 tells an isolate that others have made a shared memory longer by an interrupt, which is taken
  // at loops and function entries, but not on the way out of a system call. A loop looks for it.
  // (func (export "look") (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) 1)))))
  const looking = () => new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 1, 127, 0, 3, 2, 1, 0,
    7, 8, 1, 4, 108, 111, 111, 107, 0, 0,
    10, 16, 1, 14, 0, 3, 64, 32, 0, 65, 1, 107, 34, 0, 13, 0, 11, 11,
  ]))).exports.look;

  let memory, buffer, fuel, look;
  let exported, places;
  // How the guest ends, if that was decided before its stack is gone.
  let fate;

  function end(outcome) {
    fate ??= outcome;
    trap();
  }

  // Asks the host: a system call of the guest's, or what `ASK_...` means.
  function ask(number) {
    // The host keeps a view by address and is told the new length when memory has grown.
    if (memory !== undefined && memory.buffer !== buffer) {
      buffer = memory.buffer;
      longs[1] = BigInt(buffer.byteLength);
      memoryGrown();
    }
    if (fuel !== undefined) longs[FUEL] = fuel.value;
    words[0] = number;
    callHost();
    if (look !== undefined) look(2);
    return words[0];
  }

  const tell = (number, value) => {
    words[ARGUMENT] = value;
    return ask(number);
  };

  function enter(number) {
    const answer = state === RUNNING ? ask(number) : reached();
    return answer < 0 ? special(answer) : answer;
  }

  // What a call answers that the host gave a negative answer.
  function special(answer) {
    while (answer === UPCALL) {
      const place = ask(ASK_CALLEE);
      if (place === REQUESTED) {
        answer = perform(JSON.parse(text(ask(ASK_TEXT))));
        continue;
      }
      if (place < 0) {
        answer = ask(ASK_PROCEED);
        continue;
      }
      const given = [];
      while (given.length < exported[places[place]].length) {
        given.push(tell(ASK_ARGUMENT, given.length));
      }
      answer = callExport(place, given);
    }
    if (answer === UNWIND) end({ end: "unwound" });
    return answer === SUSPEND ? suspend() : answer;
  }

  // The upcalls being made, outermost first, as places among the exports.
  const upcalls = [];

  // Makes an upcall, and tells what the call answers that it is made in. `told` says what comes of it.
  function upcall(place, call, told) {
    if (upcalls.length === MOST_UPCALLS) end(trapped(TOO_DEEP));
    upcalls.push(place);
    try {
      call();
    } catch (error) {
      // The guest must not catch it, since the host waits for the end of this.
      end(described(error));
    }
    upcalls.pop();
    if (state === UNWINDING) return 0;
    if (state === REWINDING) end(trapped(DID_NOT_REWIND));
    return told ? proceed(told()) : ask(ASK_PROCEED);
  }

  const callExport = (place, given) => upcall(place, () => exported[places[place]](...given));

  // The rest of this part does what the kernel asks for: see `wasix.abi.instance.Request`.

  let table, stack, stubs, begin;
  const instances = [], modules = new Map(), cells = new Map(), sharedTags = new Map();

  // The next bytes of what the host has to say.
  function pull(length) {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const count = tell(ASK_CHUNK, length - at);
      if (count <= 0) end(trapped("the host says too little"));
      bytes.set(new Uint8Array(mailbox, MAILBOX_SIZE, count), at);
      at += count;
    }
    return bytes;
  }

  const text = (length) => Array.from(pull(length), (code) => String.fromCharCode(code)).join("");

  // Tells what came of a request, and what the call answers that it was for.
  function proceed(result) {
    const told = JSON.stringify(result ?? null).replace(/[^ -~]/g,
      (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"));
    const area = new Uint8Array(mailbox, 4 * ARGUMENT + 4, TOLD_SIZE);
    for (let at = 0; at < told.length; at += TOLD_SIZE) {
      const count = Math.min(TOLD_SIZE, told.length - at);
      for (let index = 0; index < count; index++) area[index] = told.charCodeAt(at + index);
      tell(ASK_TOLD, count);
    }
    return ask(ASK_PROCEED);
  }

  // What calls a function of the table, whose type only the host knows: a module that imports it as
  // a type it may have, which no engine links unless it has it.
  const adapters = new Map();

  function adapter(slot) {
    const called = table !== undefined && slot < table.length ? table.get(slot) : null;
    if (called === null) return null;
    let found = adapters.get(called);
    if (found !== undefined) return found;
    found = null;
    for (let attempt = 0; found === null; attempt++) {
      words[ARGUMENT + 1] = attempt;
      // Its name is its index, but JavaScriptCore names no function that was imported.
      const length = tell(ASK_ADAPTER, called.name === "" ? IMPORTED : Number(called.name));
      if (length <= 0) break;
      const head = JSON.parse(text(length)), bytes = pull(head.module);
      try {
        const module = new WebAssembly.Module(bytes);
        const { exports } = new WebAssembly.Instance(module, { "": { call: called } });
        found = { ...head, call: exports.call, memory: exports.memory };
      } catch {
        continue;
      }
    }
    if (adapters.size === MOST_ADAPTERS) adapters.clear();
    adapters.set(called, found);
    return found;
  }

  // Calls a function of the table with the bytes of its arguments, in hexadecimal, or with zeros.
  function callSlot(slot, values) {
    const found = adapter(slot);
    if (found === null || (values !== null && values.length !== 2 * found.taken)) return proceed(null);
    const area = new Uint8Array(found.memory.buffer);
    for (let at = 0; at < found.taken; at++) {
      area[at] = values === null ? 0 : parseInt(values.slice(2 * at, 2 * at + 2), 16);
    }
    const results = () => Array.from(area.subarray(0, found.given),
      (byte) => byte.toString(16).padStart(2, "0")).join("");
    return upcall((slot | SLOT) >>> 0, found.call, results);
  }

  // A system call for a linked module; `kinds` are the types of its parameters.
  function systemCall(number, kinds, isVoid) {
    return (...given) => {
      let at = 4 * ARGUMENT;
      kinds.forEach((kind, index) => {
        const size = kind === "i64" ? 8 : 4;
        at = Math.ceil(at / size) * size;
        if (size === 8) longs[at / 8] = given[index];
        else words[at / 4] = given[index];
        at += size;
      });
      const answer = enter(number);
      return isVoid ? undefined : answer;
    };
  }

  function kept(map, key, make) {
    if (!map.has(key)) map.set(key, make());
    return map.get(key);
  }

  function given(what) {
    switch (what.of) {
      case "memory": return memory;
      case "table": return table;
      case "stack": return stack;
      case "export": return instances[what.instance][what.name];
      case "call": return systemCall(what.number, what.kinds, what.void);
      case "cell": return kept(cells, what.cell, () => (
        new WebAssembly.Global({ value: "i32", mutable: what.mutable }, what.value)
      ));
      case "tag": return kept(sharedTags, what.name, () => (
        new WebAssembly.Tag({ parameters: what.params })
      ));
    }
  }

  const requests = {
    reflect({ slot }) {
      const found = adapter(slot);
      return found && { params: found.params, results: found.results };
    },
    growTable({ count }) {
      try {
        return table.grow(count);
      } catch {
        return null;
      }
    },
    growMemory({ pages }) {
      try {
        return memory.grow(pages) * PAGE;
      } catch {
        return null;
      }
    },
    place({ slot, instance, name, table: of }) {
      const placed = name === null ? null : instances[instance][name];
      try {
        (of === 0 ? table : instances[of].table).set(slot, placed);
        return true;
      } catch {
        return false;
      }
    },
    read({ instance, name }) {
      const found = instances[instance][name];
      const value = found instanceof WebAssembly.Global ? found.value : null;
      return typeof value === "number" ? value >>> 0 : null;
    },
    write({ cell, value }) {
      cells.get(cell).value = value;
    },
    instantiate({ module, key, imports }) {
      const bytes = pull(module), linked = Object.create(null);
      for (const what of imports) (linked[what.from] ??= {})[what.as] = given(what);
      try {
        // One that has been compiled before is not sent again.
        const compiled = kept(modules, key, () => new WebAssembly.Module(bytes));
        const made = new WebAssembly.Instance(compiled, linked);
        return instances.push(made.exports) - 1;
      } catch (error) {
        if (fate || error instanceof WebAssembly.RuntimeError) end(described(error));
        return String(error).slice(0, 500);
      }
    },
  };

  function perform(request) {
    if (request.what === "call") return callSlot(request.slot, request.values);
    return proceed(requests[request.what](request));
  }

  // The rest is about stacks that are unwound and rewound: see engines/asyncify.py.

  // While its stack unwinds, or a function of asyncify's runs, the guest may make no call.
  const RUNNING = 0, UNWINDING = 1, REWINDING = 2;
  let state = RUNNING;
  let variables, area, areaSize;
  // The upcalls that the unwound stack goes through, and what the call answers that it is for.
  let through = [], value = 0;

  const view = () => new DataView(memory.buffer);
  const areaEnd = () => area + areaSize - 8 * (variables.length + 1);

  function suspend() {
    if (area === undefined) {
      try {
        area = memory.grow(areaSize / PAGE) * PAGE;
      } catch {
        return NOMEM;
      }
    }
    const at = view();
    at.setUint32(area, area + 8, true);
    at.setUint32(area + 4, areaEnd(), true);
    through = upcalls.slice();
    state = UNWINDING;
    exported.asyncify_start_unwind(area);
    return 0;
  }

  // The answer of a call that the guest reaches while its stack is not whole.
  function reached() {
    if (state === UNWINDING) end(trapped(DID_NOT_UNWIND));
    if (upcalls.length < through.length) {
      const place = through[upcalls.length];
      return place >= SLOT ? callSlot(place - SLOT, null) : callExport(place, []);
    }
    state = UNWINDING;
    exported.asyncify_stop_rewind();
    state = RUNNING;
    return value;
  }

  // What to do with an unwound stack: whether it is to be rewound.
  function suspended() {
    exported.asyncify_stop_unwind();
    const at = view(), room = areaEnd(), top = at.getUint32(area, true);
    const size = 4 * through.length + 4;
    if (top < area + 8 || top + size > room) end(trapped(NO_ROOM));
    [...through, through.length].forEach((word, index) => at.setUint32(top + 4 * index, word, true));
    at.setUint32(area, top + size, true);
    variables.forEach(([name, type], index) => {
      const place = room + 8 * index, found = exported[name].value;
      if (type === "i32") at.setBigUint64(place, BigInt(found >>> 0), true);
      else if (type === "i64") at.setBigInt64(place, found, true);
      else if (type === "f64") at.setFloat64(place, found, true);
      else {
        at.setBigUint64(place, 0n, true);
        at.setFloat32(place, found, true);
      }
    });
    return tell(ASK_SUSPENDED, area) !== UNWIND;
  }

  // Has the guest go on, when it is called again, from where an area says.
  function rewind() {
    const at = view(), room = areaEnd();
    variables.forEach(([name, type], index) => {
      const place = room + 8 * index;
      exported[name].value = type === "i32" ? at.getInt32(place, true)
        : type === "i64" ? at.getBigInt64(place, true)
        : type === "f32" ? at.getFloat32(place, true)
        : at.getFloat64(place, true);
    });
    const top = at.getUint32(area, true);
    if (top < area + 12 || top > room) end(trapped(DAMAGED));
    const count = at.getUint32(top - 4, true), start = top - 4 - 4 * count;
    if (count > MOST_UPCALLS || start < area + 8) end(trapped(DAMAGED));
    through = Array.from({ length: count }, (_, index) => at.getUint32(start + 4 * index, true));
    const callable = (place) => (
      place >= SLOT || typeof exported[places[place]] === "function"
    );
    if (!through.every(callable)) end(trapped(DAMAGED));
    at.setUint32(area, start, true);
    at.setUint32(area + 4, room, true);
    value = ask(ASK_ANSWER);
    state = UNWINDING;
    exported.asyncify_start_rewind(area);
    state = REWINDING;
  }

  // A memory's descriptor, whose pages are of the type of its addresses.
  function sized(type) {
    if (type.address !== "i64") return type;
    const pages = { initial: BigInt(type.initial) };
    if (type.maximum !== undefined) pages.maximum = BigInt(type.maximum);
    return { ...type, ...pages };
  }

  // What to give the module: functions as [module, name, number], memories and tags with their types;
  // and the functions by number.
  function link({ functions, memories, tags, relocated }, calls) {
    const imports = {};
    const give = (module, name, value) => ((imports[module] ??= {})[name] = value);
    for (const [module, name, number] of functions) give(module, name, calls[number]);
    let shared = 0;
    for (const [module, name, type] of memories) {
      // Another isolate may have lent the memory, and others may borrow its buffer.
      const lent = type.shared && globalThis[`lentMemory${shared}`];
      const memory = lent || new WebAssembly.Memory(sized(type));
      if (type.shared) {
        globalThis[`sharedBuffer${shared++}`] = memory.buffer;
        look ??= looking();
      }
      give(module, name, memory);
    }
    for (const [module, name, type] of tags) {
      give(module, name, kept(sharedTags, name, () => new WebAssembly.Tag(type)));
    }
    if (relocated) {
      for (const [module, name, type, cell, value] of relocated.globals) {
        give(module, name, kept(cells, cell, () => new WebAssembly.Global(type, value)));
      }
      for (const [module, name, type] of relocated.tables) {
        give(module, name, new WebAssembly.Table(type));
      }
      if (relocated.stubs) {
        const [bytes, names, number] = relocated.stubs;
        const wanted = { undefined: systemCall(number, ["i32"], true), base: 0 };
        const compiled = new WebAssembly.Module(new Uint8Array(bytes));
        stubs = new WebAssembly.Instance(compiled, { "": wanted }).exports;
        names.forEach(([module, name], place) => give(module, name, stubs[place]));
      }
    }
    return imports;
  }

  const report = (outcome) => {
    if (fuel !== undefined) outcome.fuel = String(fuel.value);
    return JSON.stringify(outcome);
  };

  const described = (error) => {
    if (fate) return fate;
    const message = error instanceof WebAssembly.RuntimeError ? error.message
      // A RangeError, or SpiderMonkey's InternalError. Engines throw the former for memory too.
      : /stack|recursion/.test(String(error)) ? "stack overflow"
      : error instanceof WebAssembly.Exception ? "an exception was thrown and not caught"
      : String(error);
    return trapped(message, error);
  };
  const trapped = (message, error = new Error()) => (
    { end: "trapped", message, backtrace: (error && error.stack) || "" }
  );

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
      const calls = makeCalls(words, longs, enter);
      try {
        this.instance = new WebAssembly.Instance(module, link(wanted, calls));
      } catch (error) {
        if (error instanceof WebAssembly.LinkError) throw error;
        return report(described(error));
      }
      exported = this.instance.exports;
      places = WebAssembly.Module.exports(module).map(({ name }) => name);
      if (wanted.fuel !== undefined) {
        const [variable, limit] = wanted.fuel;
        fuel = exported[variable];
        fuel.value = BigInt(limit);
      }
      this.first = exported[wanted.start];
      if (wanted.waits !== undefined) {
        const [table, numbers] = wanted.waits;
        const given = { table: exported[table] };
        numbers.forEach((number, index) => (given[index] = calls[number]));
        new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(FILLER)), { "": given });
      }
      ({ memory } = exported);
      table = exported[wanted.table];
      stack = exported[wanted.stack];
      instances.push(exported, ...(stubs ? [stubs] : []));
      if (wanted.relocated) begin = systemCall(wanted.relocated.start, [], false);
      if (wanted.variables) {
        ({ variables } = wanted);
        areaSize = AREA + Math.floor(8 * variables.length / PAGE) * PAGE;
      }
      if (wanted.snapshot) {
        const [size, place] = wanted.snapshot;
        this.restores = true;
        area = place;
        try {
          memory.grow((size - memory.buffer.byteLength) / PAGE);
        } catch (error) {
          return report({ end: "failed", message: "there is no memory for a copy of the guest" });
        }
      }
      buffer = memory.buffer;
      longs[1] = BigInt(buffer.byteLength);
      return "";
    },
    memory: () => memory.buffer,
    // The same as `start`, if it was instantiated and its memory can be found; else "".
    begin(name, ...given) {
      return memory === undefined || !memory.buffer.byteLength ? "" : this.start(name, ...given);
    },
    // Calls an export until it has returned, however often its stack is unwound.
    start(name, ...given) {
      try {
        if (this.restores) {
          if (ask(ASK_RESTORE) === UNWIND) return report({ end: "unwound" });
          rewind();
        }
        this.first?.();
        begin?.();
        for (;;) {
          exported[name](...given);
          if (state === RUNNING) return report({ end: "returned" });
          if (state === REWINDING) end(trapped(DID_NOT_REWIND));
          if (!suspended()) return report({ end: "unwound" });
          rewind();
        }
      } catch (error) {
        return report(described(error));
      }
    },
  };
})();
