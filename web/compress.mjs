/**
 * Compresses files: `node compress.mjs QUALITY FILE...` writes FILE.br and FILE.gz beside each. QUALITY is
 * brotli's, 1 to 11.
 * Node has brotli, which Python's library has not.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const WINDOW = 24; // as far back as any decoder must look, as a power of two

const [quality, ...files] = process.argv.slice(2);
await Promise.all(
  files.map(async (file) => {
    const data = readFileSync(file);
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: Number(quality),
      [constants.BROTLI_PARAM_LGWIN]: WINDOW,
      [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
    };
    const brotli = promisify(brotliCompress)(data, { params });
    writeFileSync(`${file}.gz`, await promisify(gzip)(data, { level: 9 }));
    writeFileSync(`${file}.br`, await brotli);
  }),
);
