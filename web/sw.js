/**
 * The service worker of a bundle: keeps what it needs for use without a network, and can make its pages
 * cross-origin isolated where the server sends no headers (`sw.js?isolate`). Programs wait by it where
 * they can in no other way; `sw.js?wait` does nothing else.
 *
 * What is named by its content is taken from the cache; the rest from the network as long as there is one.
 */

import { FILES, SNAPSHOT, VERSION } from "#precached";

import { Slots } from "./slots.js";
import { unpacked } from "./unpacked.js";

const scope = /** @type {any} */ (globalThis);
const options = new URL(location.href).searchParams;
const isolate = options.has("isolate");
const keeps = !options.has("wait");
const slots = new Slots(scope.registration.scope);
/** Other bundles of the origin have theirs. */
const prefix = `wasix ${scope.registration.scope} `;

/** @param {string} url Of a program, or of what it looks for. */
async function keep(url) {
  const cache = await caches.open(prefix + VERSION);
  if (!(await cache.match(url))) await cache.add(url);
}

/** @param {Request} request */
async function answer(request) {
  const cache = await caches.open(prefix + VERSION);
  const page = request.mode === "navigate";
  const kept = () => cache.match(request, { ignoreSearch: page });
  if (new URL(request.url).pathname.includes("/assets/")) {
    const found = await kept();
    if (found) return found;
  }
  try {
    return await fetch(request);
  } catch (error) {
    const found = await kept();
    if (found) return found;
    throw error;
  }
}

/** @param {Response} response */
function isolated(response) {
  if (!response.status) return response; // another origin's, which nobody sees into
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  const { body, status, statusText } = response;
  return new Response(body, { headers, status, statusText });
}

/** @param {any} event @param {Promise<unknown>} promise */
const lasts = (event, promise) => event.waitUntil(promise);

addEventListener("install", (event) => {
  const kept = async () => {
    if (!keeps) return;
    const cache = await caches.open(prefix + VERSION);
    const snapshot = async () => cache.put(SNAPSHOT, await unpacked(SNAPSHOT));
    await Promise.all([cache.addAll(FILES), snapshot()]);
  };
  const ready = () => {
    slots.replace();
    return scope.skipWaiting();
  };
  lasts(event, kept().then(ready));
});

addEventListener("activate", (event) => {
  const others = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith(prefix) && name !== prefix + VERSION) await caches.delete(name);
    }
    await scope.clients.claim();
  };
  lasts(event, others());
});

addEventListener("message", (event) => {
  if (event.data.claim) {
    // Those that were loaded past it, as on a forced reload.
    return lasts(event, scope.clients.claim().then(() => event.ports[0].postMessage(null)));
  }
  // If it cannot be now, it will be fetched when it is needed.
  lasts(event, keep(event.data.keep).catch(() => {}));
});

addEventListener("fetch", (event) => {
  const asked = /** @type {any} */ (event);
  const { request } = asked;
  if (request.method !== "GET" || !request.url.startsWith(scope.registration.scope)) return;
  if (slots.has(request.url)) return asked.respondWith(slots.answer(request.url));
  if (!keeps) return;
  const found = answer(request);
  asked.respondWith(isolate ? found.then(isolated) : found);
});
