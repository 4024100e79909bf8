/** Fetches files in the smallest form that their server has. */

/**
 * A file that a server compresses, or that is there compressed with `.gz` at the end of its name.
 * @param {string} url
 * @param {boolean} [compresses] Whether the server seems to compress as well as can be. If not, what it
 *   has under the very name is not asked for.
 * @returns {Promise<Response>}
 */
export async function unpacked(url, compresses = true) {
  if (compresses) {
    const aborter = new AbortController();
    const response = await fetch(url, { signal: aborter.signal });
    if (response.ok && response.headers.has("content-encoding")) return response;
    aborter.abort();
  }
  return gunzipped(`${url}.gz`);
}

/** What a file was before gzip. @param {string} url */
export async function gunzipped(url) {
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`${url} cannot be fetched: HTTP status ${response.status}`);
  return new Response(response.body.pipeThrough(new DecompressionStream("gzip")));
}
