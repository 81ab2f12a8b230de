// Turns masks into pictures and borders, off the main thread.
import type { Bitmap } from "../masks/bitmap";
import { borderOf } from "../masks/bitmap";
import { bitmapOf, type Rle, runsOf } from "../masks/rle";
import { bake } from "./bake";
import type { PaintAnswer, PaintedMask, PaintRequest } from "./protocol";

const CACHE_BYTES = 64 * 1024 * 1024;
const cache = new Map<string, Bitmap>(); // by counts, oldest first
let cachedBytes = 0;

function decoded(rle: Rle): Bitmap {
  const known = cache.get(rle.counts);
  const bitmap = known ?? bitmapOf(runsOf(rle));
  if (known === undefined) cachedBytes += bitmap.bits.length;
  cache.delete(rle.counts);
  cache.set(rle.counts, bitmap);
  for (const [counts, oldest] of cache) {
    if (cachedBytes <= CACHE_BYTES || oldest === bitmap) break;
    cache.delete(counts);
    cachedBytes -= oldest.bits.length;
  }
  return bitmap;
}

async function paint(request: Extract<PaintRequest, { kind: "bake" }>): Promise<PaintedMask> {
  const mask = decoded(request.rle);
  const nothing = { picture: null, x: mask.x, y: mask.y, width: 0, height: 0 };
  if (mask.bits.length === 0) return nothing;
  const { x, y, width, height, columns, rows, rgba } = bake(mask, request.detail, request.look);
  return { picture: await createImageBitmap(new ImageData(rgba, columns, rows)), x, y, width, height };
}

async function answer(request: PaintRequest): Promise<void> {
  const reply = (message: PaintAnswer, transfer: Transferable[]): void => self.postMessage(message, { transfer });
  try {
    if (request.kind === "bake") {
      const painted = await paint(request);
      reply({ kind: "bake", id: request.id, painted }, painted.picture === null ? [] : [painted.picture]);
    } else {
      const border = borderOf(decoded(request.rle));
      reply({ kind: "border", id: request.id, border }, [border.horizontal.buffer, border.vertical.buffer]);
    }
  } catch (error) {
    reply({ kind: "failed", id: request.id, message: String(error) }, []);
  }
}

self.addEventListener("message", (event: MessageEvent<PaintRequest>) => void answer(event.data));
