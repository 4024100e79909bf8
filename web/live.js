/** Added to pages by `wasix web serve`: loads them again when the bundle has changed. */

const { search } = new URL(import.meta.url); // the version that the page is of
/** @type {EventSource | null} */
let changes = null;

// A browser has but six connections to a server, for all its tabs.
function listen() {
  changes?.close();
  changes = document.hidden ? null : new EventSource(`/.changes${search}`);
  changes?.addEventListener("message", () => location.reload());
}

document.addEventListener("visibilitychange", listen);
listen();
