// What tidies a mask: holes, islands, parts, one pixel more or less.
import type { Runs } from "./rle";
import { collect, complement, regionOfSpans, type Span, spansOf, subtract, union } from "./regions";

export interface Part {
  readonly spans: readonly Span[];
  readonly area: number;
}

/** The connected parts of a set, largest first. Corners connect, unless only sides are to. */
export function partsOf(region: Runs, connection: "sides" | "corners" = "corners"): Part[] {
  const spans = spansOf(region);
  const parents = connect(spans, connection === "corners" ? 1 : 0);
  const parts = new Map<number, { spans: Span[]; area: number }>();
  spans.forEach((span, i) => {
    const root = rootOf(parents, i);
    const part = parts.get(root) ?? { spans: [], area: 0 };
    parts.set(root, part);
    part.spans.push(span);
    part.area += span[2] - span[1];
  });
  return [...parts.values()].sort((a, b) => b.area - a.area);
}

/** Joins pieces of neighbouring columns that overlap, or lie at most `reach` rows apart. */
function connect(spans: readonly Span[], reach: 0 | 1): Int32Array {
  const parents = Int32Array.from(spans, (_, i) => i);
  let left = 0;
  for (let i = 0; i < spans.length; i++) {
    const [x, top, bottom] = spans[i] ?? [0, 0, 0];
    // Everything before `left` ends above this piece in the column before, or lies further left.
    for (; left < i; left++) {
      const [leftX, , leftBottom] = spans[left] ?? [0, 0, 0];
      if (leftX >= x || (leftX === x - 1 && leftBottom + reach > top)) break;
    }
    for (let j = left; j < i; j++) {
      const [leftX, leftTop] = spans[j] ?? [0, 0, 0];
      if (leftX !== x - 1 || leftTop >= bottom + reach) break;
      parents[rootOf(parents, j)] = rootOf(parents, i);
    }
  }
  return parents;
}

function rootOf(parents: Int32Array, index: number): number {
  let root = index;
  while (parents[root] !== root) root = parents[root] ?? root;
  for (let at = index; at !== root; ) {
    const next = parents[at] ?? root;
    parents[at] = root;
    at = next;
  }
  return root;
}

export const regionOfPart = ({ spans }: Part, { width, height }: Runs): Runs => regionOfSpans(spans, { width, height });

/** Background that does not reach the image's edge, by sides, becomes part of the mask. */
export function fillHoles(region: Runs): Runs {
  const { width, height } = region;
  const isHole = ({ spans }: Part): boolean =>
    spans.every(([x, top, bottom]) => x > 0 && top > 0 && x < width - 1 && bottom < height);
  const holes = partsOf(complement(region), "sides").filter(isHole);
  return union(region, regionOfSpans(holes.flatMap(({ spans }) => spans), region));
}

/** Leaves out parts of fewer than `leastArea` pixels. */
export function removeIslands(region: Runs, leastArea: number): Runs {
  const islands = partsOf(region).filter(({ area }) => area < leastArea);
  return subtract(region, regionOfSpans(islands.flatMap(({ spans }) => spans), region));
}

export function keepLargest(region: Runs): Runs {
  const [largest] = partsOf(region);
  return largest === undefined ? region : regionOfPart(largest, region);
}

/** With the pixels that share a side with the mask. */
export function grow(region: Runs): Runs {
  const collected = collect(region);
  for (const [x, top, bottom] of spansOf(region)) {
    collected.add(x, top - 1, bottom + 1);
    collected.add(x - 1, top, bottom);
    collected.add(x + 1, top, bottom);
  }
  return collected.region();
}

/** Without the pixels that share a side with the background; the image's edge is no background. */
export const shrinkByOne = (region: Runs): Runs => complement(grow(complement(region)));
