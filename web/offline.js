/** The page's side of the service worker (`sw.js`). */

const base = new URL(".", import.meta.url);
/** Whether a page was loaded again to become isolated, which is tried once. */
const TRIED = "wasix isolated";

/** Programs that are to be kept as well. @type {Set<string>} */
const used = new Set();
/** @type {ServiceWorker | null} */
let worker = null;

/**
 * Have a service worker keep the bundle, and each program of it that was used, so that the page works
 * without a network. With `isolate` it also makes the page cross-origin isolated if the server does
 * not, for which the page is loaded again, once.
 * @param {{ isolate?: boolean }} [options]
 * @returns {Promise<boolean>} Whether there is one: browsers want a secure context, and the bundle of
 *   the same origin, at or above the page.
 */
export async function offline({ isolate = false } = {}) {
  if (!("serviceWorker" in navigator)) return false;
  try {
    // Not while the page itself is still loading.
    if (!isolate && document.readyState !== "complete") await new Promise((done) => addEventListener("load", done));
    worker = await registered(isolate);
  } catch {
    return false;
  }
  for (const program of used) worker.postMessage({ keep: program });
  if (crossOriginIsolated) sessionStorage.removeItem(TRIED);
  if (isolate && !crossOriginIsolated && !sessionStorage.getItem(TRIED)) {
    sessionStorage.setItem(TRIED, "1");
    location.reload();
    await new Promise(() => {}); // until then
  }
  return true;
}

/** The service worker, at work. @param {boolean} isolate */
async function registered(isolate) {
  const { serviceWorker } = navigator;
  const known = await serviceWorker.getRegistration(base);
  const isolates = isolate || known?.active?.scriptURL.endsWith("?isolate");
  const url = new URL(isolates ? "sw.js?isolate" : "sw.js", base);
  const { installing, waiting, active } = await serviceWorker.register(url, { updateViaCache: "none" });
  const found = /** @type {ServiceWorker} */ (installing ?? waiting ?? active);
  await new Promise((done, failed) => {
    const look = () => {
      if (found.state === "activated") done(null);
      else if (found.state === "redundant") failed(new Error("it could not be installed"));
    };
    found.addEventListener("statechange", look);
    look();
  });
  return found;
}

/** A program of the bundle is used. @param {string} url */
export function note(url) {
  if (!used.has(url)) worker?.postMessage({ keep: url });
  used.add(url);
}
