import fc from "fast-check";
import { expect, it, test } from "vitest";
import { encodeCounts, type Rle } from "../masks/rle";
import { createBitmaps } from "./bitmaps";

const full = (height: number, width: number): Rle => ({ size: [height, width], counts: encodeCounts([0, width * height]) });

test("a whole photo upright and one lying down have the same counts and are told apart", () => {
  const bitmaps = createBitmaps(1000);
  expect(full(3, 2).counts).toBe(full(2, 3).counts);
  expect(bitmaps.of(full(3, 2))).toMatchObject({ width: 2, height: 3 });
  expect(bitmaps.of(full(2, 3))).toMatchObject({ width: 3, height: 2 });
});

it("keeps what was asked for last and never more than its limit, but for a single large one", () => {
  const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(sizes, (asked) => {
      const bitmaps = createBitmaps(60);
      for (const [height, width] of asked) {
        const bitmap = bitmaps.of(full(height, width));
        expect(bitmap.bits.length).toBe(width * height);
        expect(bitmaps.bytes()).toBeLessThanOrEqual(Math.max(60, width * height));
        expect(bitmaps.of(full(height, width))).toBe(bitmap);
      }
    }),
  );
});
