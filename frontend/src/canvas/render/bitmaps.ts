// Decoded masks that are likely to be wanted again, up to so many bytes of pixels; the least recently used are dropped.
import type { Bitmap } from "../masks/bitmap";
import { bitmapOf, type Rle, runsOf } from "../masks/rle";

export interface Bitmaps {
  /** Throws what `runsOf` throws. */
  of(rle: Rle): Bitmap;
  bytes(): number;
}

/** The one asked for last is kept even if it alone is larger than `limitBytes`. */
export function createBitmaps(limitBytes: number): Bitmaps {
  const kept = new Map<string, Bitmap>(); // oldest first
  let bytes = 0;
  return {
    of(rle) {
      // The size, too: a whole photo upright and one lying down have the same counts.
      const key = `${rle.size.join("x")} ${rle.counts}`;
      const known = kept.get(key);
      const bitmap = known ?? bitmapOf(runsOf(rle));
      if (known === undefined) bytes += bitmap.bits.length;
      kept.delete(key);
      kept.set(key, bitmap);
      for (const [oldest, { bits }] of kept) {
        if (bytes <= limitBytes || oldest === key) break;
        kept.delete(oldest);
        bytes -= bits.length;
      }
      return bitmap;
    },
    bytes: () => bytes,
  };
}
