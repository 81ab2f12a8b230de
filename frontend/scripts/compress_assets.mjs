// Writes a Brotli copy beside each large asset; backend/page.py sends it to browsers that take it. ONNX Runtime is 14 MB without.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

const LARGE_BYTES = 20_000;
const QUALITY = 9; // the highest two take ten times as long for a few percent
const folder = fileURLToPath(new URL("../dist/assets/", import.meta.url));

for (const name of readdirSync(folder)) {
  if (!/\.(js|mjs|css|wasm|svg)$/.test(name)) continue;
  const bytes = readFileSync(folder + name);
  if (bytes.length < LARGE_BYTES) continue;
  const params = { [constants.BROTLI_PARAM_QUALITY]: QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  writeFileSync(`${folder}${name}.br`, brotliCompressSync(bytes, { params }));
}
