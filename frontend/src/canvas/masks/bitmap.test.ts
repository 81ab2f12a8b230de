import fc from "fast-check";
import { expect, test } from "vitest";
import { type Bitmap, borderOf, shrink } from "./bitmap";

function bitmap(x: number, y: number, rows: string[]): Bitmap {
  const bits = Uint8Array.from(rows.join(""), (char) => (char === "#" ? 1 : 0));
  return { x, y, width: rows[0]?.length ?? 0, height: rows.length, bits };
}

test("the border of one pixel is its four edges", () => {
  const { horizontal, vertical } = borderOf(bitmap(3, 5, ["#"]));
  expect([...horizontal]).toEqual([5, 3, 4, 6, 3, 4]);
  expect([...vertical]).toEqual([3, 5, 6, 4, 5, 6]);
});

test("a hole has a border of its own", () => {
  const { horizontal, vertical } = borderOf(bitmap(0, 0, ["###", "#.#", "###"]));
  expect([horizontal.length / 3, vertical.length / 3]).toEqual([4, 4]);
});

test("shrinking aligns blocks with the image, keeps thin lines and loses specks", () => {
  const small = shrink(bitmap(2, 0, ["##", "##", "..", ".#"]), 2);
  expect([small.x, small.y, small.width, small.height]).toEqual([0, 0, 1, 1]);
  expect([...small.bits]).toEqual([1]);
  expect([...shrink(bitmap(0, 0, ["#...", "....", "....", "...."]), 2).bits]).toEqual([0]);
  expect([...shrink(bitmap(0, 0, ["####", "....", "....", "...."]), 2).bits]).toEqual([1]);
});

test("a shrunken pixel is set when a quarter of its block is covered", () => {
  const anyBitmap = fc.record({
    x: fc.nat(9),
    y: fc.nat(9),
    width: fc.integer({ min: 1, max: 14 }),
    height: fc.integer({ min: 1, max: 14 }),
    seed: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 196, maxLength: 196 }),
  });
  fc.assert(
    fc.property(anyBitmap, fc.integer({ min: 1, max: 3 }), ({ seed, ...place }, shift) => {
      const whole: Bitmap = { ...place, bits: Uint8Array.from(seed.slice(0, place.width * place.height)) };
      const small = shrink(whole, shift);
      const covered = new Map<string, number>();
      whole.bits.forEach((bit, i) => {
        const [x, y] = [whole.x + (i % whole.width), whole.y + Math.floor(i / whole.width)];
        const block = `${x >> shift},${y >> shift}`;
        covered.set(block, (covered.get(block) ?? 0) + bit);
      });
      small.bits.forEach((bit, i) => {
        const block = `${small.x + (i % small.width)},${small.y + Math.floor(i / small.width)}`;
        expect(bit).toBe((covered.get(block) ?? 0) >= 4 ** shift / 4 ? 1 : 0);
      });
    }),
  );
});
