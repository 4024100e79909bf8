/** The page's side of the service worker (`sw.js`). */

const base = new URL(".", import.meta.url);
/** Whether a page was loaded again to become isolated, which is tried once. */
const TRIED = "wasix isolated";

/** Each does what those before it do. */
const SCRIPTS = ["sw.js?wait", "sw.js", "sw.js?isolate"];
const [WAITING, KEEPING, ISOLATING] = SCRIPTS;
/** Milliseconds within which a service worker answers that does so at all. */
const ANSWERS = 5000;

/** Milliseconds for which nothing has to be starting before a bundle is kept. */
const CALM = 1000;

/** What is starting. @type {Set<Promise<unknown>>} */
const starting = new Set();
/** Files of programs, that are to be kept as well. @type {Set<string>} */
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
    if (!isolate) await calm();
    worker = await registered(isolate ? ISOLATING : KEEPING);
  } catch {
    return false;
  }
  for (const file of used) worker.postMessage({ keep: file });
  if (crossOriginIsolated) sessionStorage.removeItem(TRIED);
  if (isolate && !crossOriginIsolated && !sessionStorage.getItem(TRIED)) {
    sessionStorage.setItem(TRIED, "1");
    location.reload();
    await new Promise(() => {}); // until then
  }
  return true;
}

/**
 * Where programs wait in a browser that has neither JSPI nor, here, shared memory: requests that the
 * service worker holds. Null if there is no need, or no service worker to be had.
 * @param {Promise<unknown>} running Resolves when the worker runs that is to make them.
 * @returns {Promise<{ url: string, channel: string } | null>} As `Place` of `held.js`.
 */
export async function waiting(running) {
  running.catch(() => {});
  if ("Suspending" in WebAssembly || crossOriginIsolated || !("serviceWorker" in navigator)) return null;
  try {
    const [found] = await Promise.all([registered(WAITING), running]);
    // Only now is that worker among those that can be claimed.
    const { port1, port2 } = new MessageChannel();
    const claimed = new Promise((done) => (port1.onmessage = done));
    found.postMessage({ claim: true }, [port2]);
    await Promise.race([claimed, new Promise((done) => setTimeout(done, ANSWERS))]);
    port1.close();
    return { url: new URL("wait/", base).href, channel: `wasix ${base}` };
  } catch {
    return null;
  }
}

/** Something starts that is not to be kept waiting by what is fetched to be kept. @param {Promise<unknown>} started */
export function starts(started) {
  const ended = () => starting.delete(started);
  starting.add(started);
  started.then(ended, ended);
}

/** Resolves when the page, and what it starts, has loaded. */
async function calm() {
  if (document.readyState !== "complete") await new Promise((done) => addEventListener("load", done));
  do {
    await Promise.allSettled(starting);
    await new Promise((done) => setTimeout(done, CALM));
  } while (starting.size);
}

/** One registration after the other: each replaces what was there. @type {Promise<unknown>} */
let last = Promise.resolve();

/** The service worker, at work. @param {string} wanted Its script, unless one that does more is there. */
function registered(wanted) {
  const next = last.then(() => register(wanted));
  last = next.catch(() => {});
  return next;
}

/** @param {string} wanted */
async function register(wanted) {
  const { serviceWorker } = navigator;
  const known = await serviceWorker.getRegistration(base);
  const script = known && (known.active ?? known.waiting ?? known.installing)?.scriptURL;
  const there = SCRIPTS.findIndex((name) => script === new URL(name, base).href);
  if (wanted === WAITING && there < 0 && known?.scope === base.href) {
    throw new Error("the page has a service worker of its own there, which nobody asked to replace");
  }
  const name = SCRIPTS[Math.max(there, SCRIPTS.indexOf(wanted))];
  const registration = await serviceWorker.register(new URL(name, base), { updateViaCache: "none" });
  const { installing, waiting, active } = registration;
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

/** Files of the bundle are used, that are not kept before. @param {(string | undefined)[]} urls */
export function note(...urls) {
  for (const url of urls) {
    if (!url || used.has(url)) continue;
    worker?.postMessage({ keep: url });
    used.add(url);
  }
}
