// Sets of pixels as runs, and what can be done with two of them. Nothing of the image's size is ever made: the cost is
// that of the borders, also on 24 megapixels.
import type { Bounds } from "../document";
import type { Size } from "../geometry";
import { areaOf, boundsOf, encodeCounts, type Rle, type Runs, runsOf } from "./rle";

/** A mask's pixels and what follows from them. */
export interface Pixels {
  readonly rle: Rle;
  readonly area: number;
  readonly bounds: Bounds;
}

const CACHED_ENDS = 4e6;
const decoded = new Map<Rle, Runs>(); // oldest first
let cachedEnds = 0;

/** `runsOf`, remembered for the masks used last. */
export function regionOf(rle: Rle): Runs {
  const known = decoded.get(rle);
  if (known !== undefined) return known;
  const runs = runsOf(rle);
  remember(rle, runs);
  return runs;
}

function remember(rle: Rle, runs: Runs): void {
  decoded.set(rle, runs);
  cachedEnds += runs.ends.length;
  for (const [oldest, { ends }] of decoded) {
    if (cachedEnds <= CACHED_ENDS || oldest === rle) return;
    decoded.delete(oldest);
    cachedEnds -= ends.length;
  }
}

export function pixelsOf(region: Runs): Pixels {
  const counts = region.ends.map((end, i) => end - (i === 0 ? 0 : (region.ends[i - 1] ?? 0)));
  const rle = { size: [region.height, region.width], counts: encodeCounts(counts) };
  remember(rle, region);
  return { rle, area: areaOf(region), bounds: boundsOf(region) };
}

export const isEmpty = (region: Runs): boolean => region.ends.length < 2;

export const union = (a: Runs, b: Runs): Runs => combine(a, b, (inA, inB) => inA || inB);
export const intersect = (a: Runs, b: Runs): Runs => combine(a, b, (inA, inB) => inA && inB);
export const subtract = (a: Runs, b: Runs): Runs => combine(a, b, (inA, inB) => inA && !inB);
export const difference = (a: Runs, b: Runs): Runs => combine(a, b, (inA, inB) => inA !== inB);

export function complement({ width, height, ends }: Runs): Runs {
  return combine({ width, height, ends }, nothing({ width, height }), (inA) => !inA);
}

export function nothing({ width, height }: Size): Runs {
  return { width, height, ends: Uint32Array.of(width * height) };
}

/** The pixels for which `isKept` says so, of two sets on the same image; `isKept` may only depend on its arguments. */
function combine(a: Runs, b: Runs, isKept: (inA: boolean, inB: boolean) => boolean): Runs {
  const total = a.width * a.height;
  const ends = new Uint32Array(a.ends.length + b.ends.length + 1);
  let [i, j, count, position] = [0, 0, 0, 0];
  let [inA, inB, isIn] = [false, false, false];
  while (position < total) {
    for (; a.ends[i] === position; i++) inA = !inA;
    for (; b.ends[j] === position; j++) inB = !inB;
    if (isKept(inA, inB) !== isIn) {
      isIn = !isIn;
      ends[count++] = position;
    }
    position = Math.min(a.ends[i] ?? total, b.ends[j] ?? total);
  }
  ends[count++] = total;
  return { width: a.width, height: a.height, ends: ends.slice(0, count) };
}

/** Rows `top` to `bottom` (not included) of column `x`. */
export type Span = readonly [x: number, top: number, bottom: number];

/** The pieces of a set, column by column from the left, from the top down. */
export function spansOf({ height, ends }: Runs): Span[] {
  const spans: Span[] = [];
  for (let i = 1; i < ends.length; i += 2) {
    const end = ends[i] ?? 0;
    for (let start = ends[i - 1] ?? 0; start < end; ) {
      const x = Math.floor(start / height);
      const stop = Math.min(end, (x + 1) * height);
      spans.push([x, start - x * height, stop - x * height]);
      start = stop;
    }
  }
  return spans;
}

/** The set of all pixels of some pieces, in any order; what lies outside the image is left out. */
export function regionOfSpans(spans: Iterable<Span>, image: Size): Runs {
  const collected = collect(image);
  for (const [x, top, bottom] of spans) collected.add(x, top, bottom);
  return collected.region();
}

export interface Collected {
  /** Rows `top` to `bottom` (not included) of column `x`. */
  add(x: number, top: number, bottom: number): void;
  region(): Runs;
}

/** For shapes of very many pieces: a stroke adds each of its columns hundreds of times. */
export function collect({ width, height }: Size): Collected {
  // By column: top, bottom, top, bottom, ...
  const columns: (number[] | undefined)[] = [];
  return {
    add(x, from, to) {
      const [top, bottom] = [Math.max(0, from), Math.min(height, to)];
      if (x < 0 || x >= width || top >= bottom) return;
      const column = columns[x];
      if (column === undefined) {
        columns[x] = [top, bottom];
        return;
      }
      const last = column.length - 2;
      const [lastTop, lastBottom] = [column[last] ?? 0, column[last + 1] ?? 0];
      // Strokes mostly go on where they were: then nothing is added.
      if (top <= lastBottom && lastTop <= bottom) {
        column[last] = Math.min(lastTop, top);
        column[last + 1] = Math.max(lastBottom, bottom);
      } else column.push(top, bottom);
    },
    region() {
      const ends: number[] = [];
      columns.forEach((column, x) => {
        for (const [top, bottom] of inOrder(column ?? [])) {
          const [start, end] = [x * height + top, x * height + bottom];
          const last = ends.length - 1;
          // ends alternate: a piece begins, a piece ends.
          if (last > 0 && start <= (ends[last] ?? 0)) ends[last] = Math.max(ends[last] ?? 0, end);
          else ends.push(start, end);
        }
      });
      const total = width * height;
      if (ends.at(-1) !== total) ends.push(total);
      return { width, height, ends: Uint32Array.from(ends) };
    },
  };
}

function inOrder(column: readonly number[]): [top: number, bottom: number][] {
  const pieces: [number, number][] = [];
  for (let i = 0; i < column.length; i += 2) pieces.push([column[i] ?? 0, column[i + 1] ?? 0]);
  return pieces.length > 1 ? pieces.sort((a, b) => a[0] - b[0]) : pieces;
}
