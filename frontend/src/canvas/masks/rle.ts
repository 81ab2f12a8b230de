// COCO run-length encoding: runs down the columns, background first; the string packs them 5 bits a character.
import type { Bitmap } from "./bitmap";

/** As it travels: `size` is [height, width], `counts` COCO's compressed string. */
export interface Rle {
  size: number[];
  counts: string;
}

/** Decoded runs with their ends: what hit tests, areas and bitmaps are made from. */
export interface Runs {
  readonly width: number;
  readonly height: number;
  /** ends[i] = column-major position after run i; even runs are background. */
  readonly ends: Uint32Array;
}

export class MalformedRle extends Error {}

/** The format (COCO API, maskApi.c): lowest 5 bits first, bit 6 = more follow, from the fourth run on differences. */
export function decodeCounts(text: string): Uint32Array {
  const counts = new Uint32Array(text.length);
  let [index, position] = [0, 0];
  while (position < text.length) {
    let [value, shift, hasMore] = [0, 0, true];
    while (hasMore) {
      const char = text.charCodeAt(position++) - 48;
      if (!(char >= 0 && char < 64) || shift > 30) throw new MalformedRle("not a run-length string");
      value |= (char & 31) << shift;
      hasMore = (char & 32) !== 0;
      shift += 5;
      if (!hasMore && (char & 16) !== 0 && shift < 32) value |= -1 << shift;
    }
    if (index > 2) value += counts[index - 2] ?? 0;
    if (value < 0) throw new MalformedRle("a run of negative length");
    counts[index++] = value;
  }
  return counts.slice(0, index);
}

export function encodeCounts(counts: ArrayLike<number>): string {
  const parts: string[] = [];
  for (let index = 0; index < counts.length; index++) {
    let value = (counts[index] ?? 0) - (index > 2 ? (counts[index - 2] ?? 0) : 0);
    for (let hasMore = true; hasMore; ) {
      let char = value & 31;
      value >>= 5;
      hasMore = (char & 16) !== 0 ? value !== -1 : value !== 0;
      if (hasMore) char |= 32;
      parts.push(String.fromCharCode(char + 48));
    }
  }
  return parts.join("");
}

export function runsOf(rle: Rle): Runs {
  const [height = 0, width = 0] = rle.size;
  const ends = decodeCounts(rle.counts);
  let end = 0;
  for (let i = 0; i < ends.length; i++) ends[i] = end += ends[i] ?? 0;
  if (end !== width * height) throw new MalformedRle(`runs add up to ${end}, not ${width} x ${height}`);
  return { width, height, ends };
}

export function areaOf(runs: Runs): number {
  let area = 0;
  for (let i = 1; i < runs.ends.length; i += 2) area += (runs.ends[i] ?? 0) - (runs.ends[i - 1] ?? 0);
  return area;
}

/** Whether the pixel in which the point lies belongs to the mask. */
export function contains(runs: Runs, x: number, y: number): boolean {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  if (column < 0 || row < 0 || column >= runs.width || row >= runs.height) return false;
  const position = column * runs.height + row;
  let [low, high] = [0, runs.ends.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs.ends[middle] ?? 0) > position) high = middle;
    else low = middle + 1;
  }
  return low % 2 === 1;
}

/** The tightest box around the mask; zero width and height when it is empty. */
export function boundsOf({ ends, height }: Runs): { x: number; y: number; width: number; height: number } {
  let [left, right, top, bottom] = [Infinity, -1, height, -1];
  for (let i = 1; i < ends.length; i += 2) {
    const [start, last] = [ends[i - 1] ?? 0, (ends[i] ?? 0) - 1];
    if (last < start) continue;
    const [firstColumn, lastColumn] = [Math.floor(start / height), Math.floor(last / height)];
    left = Math.min(left, firstColumn);
    right = lastColumn;
    const isSplit = firstColumn !== lastColumn;
    top = isSplit ? 0 : Math.min(top, start - firstColumn * height);
    bottom = isSplit ? height - 1 : Math.max(bottom, last - firstColumn * height);
  }
  if (right < 0) return { x: 0, y: 0, width: 0, height: 0 };
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/** The mask's own rectangle as one byte a pixel; nothing of the image's size is made. */
export function bitmapOf(runs: Runs): Bitmap {
  const bounds = boundsOf(runs);
  const bits = new Uint8Array(bounds.width * bounds.height);
  const { ends, height } = runs;
  for (let i = 1; i < ends.length; i += 2) {
    let position = ends[i - 1] ?? 0;
    const end = ends[i] ?? 0;
    while (position < end) {
      const column = Math.floor(position / height);
      const stop = Math.min(end, (column + 1) * height);
      const row = position - column * height;
      let target = (row - bounds.y) * bounds.width + column - bounds.x;
      for (; position < stop; position++, target += bounds.width) bits[target] = 1;
    }
  }
  return { ...bounds, bits };
}

/** The encoding of a mask that is empty outside `bitmap`, on an image of the given size. */
export function rleOf(bitmap: Bitmap, image: { width: number; height: number }): Rle {
  const counts: number[] = [];
  let [run, value] = [bitmap.x * image.height, 0];
  const below = image.height - bitmap.height;
  for (let column = 0; column < bitmap.width; column++) {
    const above = column === 0 ? bitmap.y : below;
    if (above > 0 && value === 1) {
      counts.push(run);
      [run, value] = [0, 0];
    }
    run += above;
    for (let row = 0; row < bitmap.height; row++) {
      const bit = bitmap.bits[row * bitmap.width + column] ?? 0;
      if (bit !== value) {
        counts.push(run);
        [run, value] = [0, bit];
      }
      run++;
    }
  }
  const rest = image.width * image.height - counts.reduce((sum, count) => sum + count, run);
  if (rest > 0 && value === 1) {
    counts.push(run);
    run = 0;
  }
  counts.push(run + rest);
  return { size: [image.height, image.width], counts: encodeCounts(counts) };
}
