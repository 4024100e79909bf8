/** JavaScript Promise Integration, which TypeScript's library does not declare yet. */
declare namespace WebAssembly {
  function promising(entry: Function): (...args: any[]) => Promise<any>;
  /** An import; it is a function only as far as linking is concerned. */
  interface Suspending extends Function {}
  class Suspending {
    constructor(call: Function);
  }
}
