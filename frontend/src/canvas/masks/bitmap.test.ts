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
