/** A running program, as the page sees it. */

/**
 * How a program has ended; `message` says why if that was not its own doing.
 * @typedef {{ status: number, message?: string }} End
 */

/**
 * @typedef {object} Line To the program's worker.
 * @property {(method: string, ...args: any[]) => Promise<any>} send
 * @property {(status: number, method: string, ...args: any[]) => Promise<void>} insist
 *   Sends something that must be heard; else the program is ended, with that status.
 * @property {(signal: string | number) => number} signal Its number.
 * @property {(signal: number) => boolean} ends Whether it ends a program.
 */

export class Process {
  #line;
  #outputs;
  /** @type {(end: End) => void} */
  #resolve = () => {};
  #over = false;

  /** @param {number} pid @param {Line} line */
  constructor(pid, line) {
    this.pid = pid;
    this.#line = line;
    this.#outputs = [1, 2].map((fd) => new Output((count) => void this.#send("acknowledge", fd, count)));
    /** What it writes, as bytes. A program whose output is not read has to wait. */
    this.stdout = this.#outputs[0].stream;
    this.stderr = this.#outputs[1].stream;
    /** Takes strings and bytes. Closing it is the end of the program's input. */
    this.stdin = new WritableStream({
      write: (data) => this.write(data),
      close: () => this.#send("finish"),
      abort: () => this.#send("finish"),
    });
    /** Resolves when it has ended. */
    this.ended = /** @type {Promise<End>} */ (
      new Promise((resolve) => (this.#resolve = resolve))
    );
    /** Resolves to the exit status: 128 + n for a signal, 134 for a trap. */
    this.exited = this.ended.then(({ status }) => status);
  }

  /** @param {string} method @param {...any} args @returns {Promise<void>} */
  async #send(method, ...args) {
    if (!this.#over) await this.#line.send(method, ...args).catch(() => {});
  }

  /**
   * Send input: keys, if it has a terminal. Resolves when there is room for more.
   * @param {string | Uint8Array} data
   */
  write(data) {
    return this.#send("feed", typeof data === "string" ? new TextEncoder().encode(data) : data);
  }

  /** Tell it the size of its terminal. @param {number} columns @param {number} rows */
  resize(columns, rows) {
    return this.#send("resize", columns, rows);
  }

  /**
   * Send a signal, by name (`SIGINT`) or Linux's number. If it is to end the program, but that
   * computes and hears nothing, its worker is ended, with all other programs and the files in it.
   * @param {string | number} [signal]
   */
  async kill(signal = "SIGTERM") {
    const number = this.#line.signal(signal);
    if (!this.#line.ends(number)) await this.#send("kill", number);
    else if (!this.#over) await this.#line.insist(128 + number, "kill", number);
  }

  /** Send keys to its terminal. Those that are signals are treated as `kill` does. @param {string} keys */
  async type(keys) {
    const data = new TextEncoder().encode(keys);
    if (keys.includes("\x03")) await this.#line.insist(130, "feed", data);
    else await this.#send("feed", data);
  }

  /** For the loader: the program has written. @param {number} fd @param {Uint8Array} data */
  receive(fd, data) {
    this.#outputs[fd - 1].put(data);
  }

  /** For the loader: the program has ended. @param {number} status @param {string} [message] */
  end(status, message) {
    this.#over = true;
    for (const output of this.#outputs) output.close();
    this.#resolve(message ? { status, message } : { status });
  }
}

/** A stream of what a program writes; `read` is told of bytes that were taken. */
class Output {
  /** @type {Uint8Array[]} */
  #chunks = [];
  #wanted = false;
  #closed = false;
  /** @type {ReadableStreamDefaultController<Uint8Array>} */
  #controller = /** @type {any} */ (null);
  #read;

  /** @param {(count: number) => void} read */
  constructor(read) {
    this.#read = read;
    this.stream = new ReadableStream(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => {
          this.#wanted = true;
          this.#move();
        },
        // Nobody listens any more: take everything, as a pipe to /dev/null does.
        cancel: () => {
          this.#closed = true;
          for (const chunk of this.#chunks.splice(0)) this.#read(chunk.length);
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** @param {Uint8Array} data */
  put(data) {
    if (this.#closed) return this.#read(data.length);
    this.#chunks.push(data);
    this.#move();
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#move();
  }

  #move() {
    if (this.#wanted && this.#chunks.length) {
      // All that has come since: a screen that takes a while for each part keeps up.
      const chunk = joined(this.#chunks.splice(0));
      this.#wanted = false;
      this.#controller.enqueue(chunk);
      this.#read(chunk.length);
    }
    if (this.#closed && !this.#chunks.length) this.#controller.close();
  }
}

/** @param {Uint8Array[]} chunks At least one. */
function joined(chunks) {
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let end = 0;
  for (const chunk of chunks) {
    whole.set(chunk, end);
    end += chunk.length;
  }
  return whole;
}
