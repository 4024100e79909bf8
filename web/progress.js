/** How much of what the worker fetches has come. Pyodide fetches some of it by itself. */

const PAUSE = 100; // milliseconds between reports
const ROOM = 1 << 16; // bytes that are read at once

/**
 * Report what is fetched from now on, until all of it is there.
 * @param {(loaded: number, total: number | null) => void} report Bytes that have come, and that are
 *   to come in all as far as servers say; a last time when nothing is under way.
 */
export function watch(report) {
  const plain = globalThis.fetch;
  /** @type {Set<{ loaded: number, total: number | null }>} */
  const fetches = new Set();
  let running = 0;
  let last = 0;

  function tell() {
    let loaded = 0;
    /** @type {number | null} */
    let total = 0;
    for (const one of fetches) {
      loaded += one.loaded;
      total = total === null || one.total === null ? null : total + one.total;
    }
    last = performance.now();
    report(loaded, total);
  }

  /** @param {Response} response */
  async function count(response) {
    const coded = response.headers.get("content-encoding");
    const length = Number(response.headers.get("content-length"));
    const one = { loaded: 0, total: coded || !length ? null : length };
    fetches.add(one);
    running++;
    try {
      for await (const length of pieces(/** @type {ReadableStream<Uint8Array>} */ (response.body))) {
        one.loaded += length;
        if (performance.now() - last >= PAUSE) tell();
      }
      one.total = one.loaded;
    } finally {
      running--;
      if (!running) {
        tell();
        fetches.clear();
      }
    }
  }

  globalThis.fetch = async (...request) => {
    const response = await plain(...request);
    // Of a copy: engines keep compiled code only for a response that is the network's own.
    if (response.ok && response.body) count(response.clone()).catch(() => {});
    return response;
  };
}

/**
 * How long the pieces are that a body comes in. They are read into the same memory if browsers can do
 * that: all of them, left to the garbage collector, would be tens of megabytes.
 * @param {ReadableStream<Uint8Array>} body
 */
async function* pieces(body) {
  let reader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    for await (const piece of body) yield piece.length;
    return;
  }
  let room = new ArrayBuffer(ROOM);
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(room));
    if (done) return;
    yield value.length;
    room = value.buffer;
  }
}
