/** How a guest's run ended. */

/** As `engines.protocol.Outcome` has it. @typedef {{ end: string, message: string }} Outcome */

/** @param {string} message @returns {Outcome} */
export const trapped = (message) => ({ end: "trapped", message });

/** A guest's worker and the kernel's cannot reach each other any more. */
export class Lost extends Error {}

/** What an error of the engine's means. @param {any} error @returns {Outcome} */
export function describe(error) {
  if (error instanceof WebAssembly.LinkError || error instanceof WebAssembly.CompileError) {
    return { end: "invalid", message: error.message };
  }
  if (error instanceof Lost) return { end: "failed", message: error.message };
  let message = String(error);
  if (error instanceof WebAssembly.RuntimeError) message = error.message;
  else if (error instanceof RangeError && /memory/i.test(message)) return { end: "failed", message };
  // Engines name it differently: RangeError in V8 and JavaScriptCore, InternalError in SpiderMonkey.
  else if (error instanceof RangeError || error?.name === "InternalError") message = "stack overflow";
  else if (isGuestException(error)) message = "an exception was thrown and not caught";
  return trapped(message);
}

/** @param {any} error */
function isGuestException(error) {
  return "Exception" in WebAssembly && error instanceof /** @type {any} */ (WebAssembly).Exception;
}
