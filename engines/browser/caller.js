/**
 * How glue calls the kernel's decoders: Python functions of a few ints that return an int.
 *
 * An argument is given by its place and type (`u32`, or a 64-bit wasm value as `u64` or `s64`), then
 * the function is called with the number of arguments. Nothing else is called in between.
 * @typedef {object} Caller
 * @property {(place: number, value: number) => void} u32
 * @property {(place: number, value: bigint) => void} u64
 * @property {(place: number, value: bigint) => void} s64
 * @property {(callee: any, count: number) => number} call
 * @property {(proxy: any) => any} callee What stands for a Python function here.
 */

import { UNWOUND } from "#glue";

/** Through Pyodide's proxies: the plain way. @implements {Caller} */
export class ProxyCaller {
  /** @type {(number | bigint)[]} */
  #args = [];

  /** @param {any} proxy */
  callee(proxy) {
    return proxy;
  }

  /** @param {number} place @param {number} value */
  u32(place, value) {
    this.#args[place] = value;
  }

  /** @param {number} place @param {bigint} value */
  u64(place, value) {
    this.#args[place] = BigInt.asUintN(64, value);
  }

  /** @param {number} place @param {bigint} value */
  s64(place, value) {
    this.#args[place] = value;
  }

  /** @param {any} callee @param {number} count */
  call(callee, count) {
    return callee(...this.#args.slice(0, count));
  }
}

/**
 * Through CPython's C API, which Pyodide exports for extension modules: a quarter of a proxy's time.
 * @implements {Caller}
 */
export class VectorCaller {
  #module;
  /** The argument array, as an index of 32-bit words. */
  #array;
  #fromU32;
  #fromU64;
  #fromS64;
  #vectorcall;
  #asLong;
  #release;

  /** @param {any} module Pyodide's. Throws if it lacks something. */
  constructor(module) {
    this.#module = module;
    this.#fromU32 = module._PyLong_FromUnsignedLong;
    this.#fromU64 = module._PyLong_FromUnsignedLongLong;
    this.#fromS64 = module._PyLong_FromLongLong;
    this.#vectorcall = module._PyObject_Vectorcall;
    this.#asLong = module._PyLong_AsLong;
    this.#release = module._Py_DecRef;
    this.#array = module._malloc(64) / 4;
  }

  /** The function's address. Its proxy must be kept. @param {any} proxy @returns {number} */
  callee(proxy) {
    return this.#module.PyProxy_getPtr(proxy);
  }

  /** @param {number} place @param {number} value */
  u32(place, value) {
    // First the object: making it may move Python's memory.
    const object = this.#fromU32(value);
    this.#module.HEAPU32[this.#array + place] = object;
  }

  /** @param {number} place @param {bigint} value */
  u64(place, value) {
    const object = this.#fromU64(value);
    this.#module.HEAPU32[this.#array + place] = object;
  }

  /** @param {number} place @param {bigint} value */
  s64(place, value) {
    const object = this.#fromS64(value);
    this.#module.HEAPU32[this.#array + place] = object;
  }

  /** @param {number} callee @param {number} count */
  call(callee, count) {
    const result = this.#vectorcall(callee, 4 * this.#array, count, 0);
    for (let place = 0; place < count; place++) {
      this.#release(this.#module.HEAPU32[this.#array + place]);
    }
    // Decoders never raise. Should one, or should memory for an int be lacking, the guest must end.
    if (result === 0) {
      this.#module._PyErr_Clear();
      return UNWOUND;
    }
    const answer = this.#asLong(result);
    this.#release(result);
    return answer;
  }
}

/**
 * The faster of the two that works here.
 * @param {any} module Pyodide's.
 * @param {(a: number, b: number, c: number) => number} add A Python function to try it with.
 * @returns {Caller}
 */
export function caller(module, add) {
  try {
    const found = new VectorCaller(module);
    found.u32(0, 2 ** 32 - 1);
    found.u64(1, -(2n ** 64n) + 7n);
    found.s64(2, -(2n ** 32n) - 1n);
    if (found.call(found.callee(add), 3) === 5) return found;
  } catch {
    // It uses what Pyodide does not document.
  }
  return new ProxyCaller();
}
