/** JavaScript Promise Integration, which TypeScript's library does not declare yet. */
declare namespace WebAssembly {
  function promising(entry: Function): (...args: any[]) => Promise<any>;
  class Suspending {
    constructor(call: Function);
  }
}
