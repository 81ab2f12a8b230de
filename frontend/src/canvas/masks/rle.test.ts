import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { areaOf, bitmapOf, boundsOf, contains, decodeCounts, encodeCounts, MalformedRle, rleOf, runsOf } from "./rle";

interface Case {
  name: string;
  size: [number, number];
  row_runs: number[];
  counts: string;
  area: number;
  bbox_xywh: [number, number, number, number];
}
const cases = JSON.parse(readFileSync("../tests/golden/masks.json", "utf8")) as Case[];

/** Row by row, one byte a pixel, the whole image. */
function pixelsOf({ row_runs: runs }: Case): number[] {
  return runs.flatMap((length, i) => Array<number>(length).fill(i % 2));
}

describe.each(cases)("golden mask: $name", (golden) => {
  const [height, width] = golden.size;
  const rle = { size: golden.size, counts: golden.counts };
  const runs = runsOf(rle);

  it("has pycocotools' area and box", () => {
    const { x, y, width: w, height: h } = boundsOf(runs);
    expect([areaOf(runs), [x, y, w, h]]).toEqual([golden.area, golden.bbox_xywh]);
  });

  it("has the right pixels, read one by one and as a bitmap", () => {
    const pixels = pixelsOf(golden);
    const bitmap = bitmapOf(runs);
    const fromBitmap = pixels.map((_, i) => {
      const [x, y] = [(i % width) - bitmap.x, Math.floor(i / width) - bitmap.y];
      const isInside = x >= 0 && y >= 0 && x < bitmap.width && y < bitmap.height;
      return isInside ? bitmap.bits[y * bitmap.width + x] : 0;
    });
    expect(fromBitmap).toEqual(pixels);
    const isSet = pixels.map((_, i) => (contains(runs, (i % width) + 0.5, Math.floor(i / width) + 0.5) ? 1 : 0));
    expect(isSet).toEqual(pixels);
  });

  it("is encoded byte for byte as pycocotools does", () => {
    expect(encodeCounts(decodeCounts(golden.counts))).toBe(golden.counts);
    expect(rleOf(bitmapOf(runs), { width, height })).toEqual(rle);
  });
});

test("any run lengths come back from their string", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 29 }), { minLength: 1, maxLength: 60 }), (counts) => {
      expect([...decodeCounts(encodeCounts(counts))]).toEqual(counts);
    }),
  );
});

test("any pixels come back from their encoding, wherever the crop lies", () => {
  const anyCrop = fc.record({
    width: fc.integer({ min: 1, max: 12 }),
    height: fc.integer({ min: 1, max: 12 }),
    x: fc.integer({ min: 0, max: 5 }),
    y: fc.integer({ min: 0, max: 5 }),
    right: fc.integer({ min: 0, max: 5 }),
    below: fc.integer({ min: 0, max: 5 }),
    seed: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 144, maxLength: 144 }),
  });
  fc.assert(
    fc.property(anyCrop, ({ width, height, x, y, right, below, seed }) => {
      const image = { width: x + width + right, height: y + height + below };
      const bits = Uint8Array.from(seed.slice(0, width * height));
      const runs = runsOf(rleOf({ x, y, width, height, bits }, image));
      const again = Array.from(bits, (_, i) => (contains(runs, x + (i % width), y + Math.floor(i / width)) ? 1 : 0));
      expect(again).toEqual([...bits]);
      expect(areaOf(runs)).toBe(bits.reduce((sum, bit) => sum + bit, 0));
    }),
  );
});

test.each([
  ["foreign characters", "1 2é"],
  ["a cut end", "P"],
  ["a run without end", "oooooooooo0"],
])("%s are refused", (_, counts) => {
  expect(() => runsOf({ size: [4, 4], counts })).toThrow(MalformedRle);
});

test("runs that do not fill the image are refused", () => {
  expect(() => runsOf({ size: [4, 4], counts: encodeCounts([3, 4]) })).toThrow(MalformedRle);
});
