/** Starting workers, whose scripts may be of another origin. */

/** By the script's URL, scripts of this origin that do nothing but import it. @type {Map<string, string>} */
const proxies = new Map();

/** @param {string} url @param {string} name */
export function startWorker(url, name) {
  return new Worker(new URL(url).origin === self.origin ? url : proxied(url), { type: "module", name });
}

/** @param {string} url */
function proxied(url) {
  let proxy = proxies.get(url);
  if (!proxy) {
    const script = new Blob([`import ${JSON.stringify(url)};`], { type: "text/javascript" });
    proxies.set(url, (proxy = URL.createObjectURL(script)));
  }
  return proxy;
}
