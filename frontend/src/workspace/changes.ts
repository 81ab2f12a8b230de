// What people have made of the mask that the model had proposed: pixels added to it, and pixels taken away.
import type { Bounds, Mask } from "../canvas/document";
import { intersect, type Pixels, pixelsOf, regionOf, subtract, union } from "../canvas/masks/regions";

export interface Changes {
  readonly added: Pixels;
  readonly removed: Pixels;
  readonly kept: Pixels;
  /** Of all three together. */
  readonly bounds: Bounds;
}

/** null: there was no proposal, or it was kept as it was. */
export function changesOf({ rle, evidence }: Pick<Mask, "rle" | "evidence">): Changes | null {
  const { proposal } = evidence;
  if (proposal === null || proposal.rle.counts === rle.counts) return null;
  const [now, before] = [regionOf(rle), regionOf(proposal.rle)];
  return {
    added: pixelsOf(subtract(now, before)),
    removed: pixelsOf(subtract(before, now)),
    kept: pixelsOf(intersect(now, before)),
    bounds: pixelsOf(union(now, before)).bounds,
  };
}
