/** Starting workers, whose scripts may be of another origin. */

/** By the script's URL, scripts that do nothing but import it. @type {Map<string, string>} */
const proxies = new Map();

/** @param {string} url @param {string} name */
export function startWorker(url, name) {
  return new Worker(new URL(url).origin === self.origin ? url : proxied(url), { type: "module", name });
}

/** @param {string} url */
function proxied(url) {
  let proxy = proxies.get(url);
  if (!proxy) {
    const script = `import ${JSON.stringify(url)};`;
    const type = "text/javascript";
    // Of this origin, whose storage it may use. A sandboxed frame has none, and no blobs either.
    if (self.origin !== "null") proxy = URL.createObjectURL(new Blob([script], { type }));
    else proxy = `data:${type},${encodeURIComponent(script)}`;
    proxies.set(url, proxy);
  }
  return proxy;
}
