import { expect, test } from "vitest";
import type { Bitmap } from "../masks/bitmap";
import { bake, detailFor, type Look } from "./bake";
import { PALETTE } from "./palette";

const look: Look = { colour: [100, 150, 200], fillOpacity: 0.4, isDashed: false };
const square = (length: number): Bitmap => ({ x: 10, y: 20, width: length, height: length, bits: new Uint8Array(length * length).fill(1) });

test("a mask has its fill inside, a light line within its border and a dark one around it", () => {
  const { x, y, columns, rgba } = bake(square(9), { shift: 0, line: 1 }, look);
  const pixel = (column: number, row: number): number[] => [...rgba.slice(4 * ((row - y) * columns + column - x)).slice(0, 4)];
  expect(pixel(14, 24)).toEqual([100, 150, 200, 102]);
  expect(pixel(10, 24)).toEqual([154, 187, 219, 255]);
  expect(pixel(9, 24)).toEqual([12, 13, 15, 217]);
  expect(pixel(8, 24)).toEqual([0, 0, 0, 0]);
});

test("a proposal has broken lines in every direction, and stripes instead of a fill", () => {
  const proposal: Look = { ...look, isDashed: true };
  const { x, y, columns, rows, rgba } = bake(square(60), { shift: 0, line: 1 }, proposal);
  const opacity = (column: number, row: number): number => rgba[4 * ((row - y) * columns + column - x) + 3] ?? -1;
  const along = [...Array(60).keys()];
  for (const line of [along.map((i) => opacity(10 + i, 20)), along.map((i) => opacity(10, 20 + i))]) {
    expect(line.filter((value) => value === 255).length).toBeGreaterThan(15);
    expect(line.filter((value) => value !== 255).length).toBeGreaterThan(15);
  }
  expect(new Set(along.slice(2, -2).map((i) => opacity(10 + i, 50)))).toEqual(new Set([102, 31]));
  expect(rows).toBe(64);
  const diagonal = (from: (i: number) => [number, number]): number[] => {
    const bits = new Uint8Array(60 * 60);
    for (const i of along) for (let j = 0; j <= i; j++) bits[from(i)[1] * 60 + (from(i)[0] > 30 ? 59 - j : j)] = 1;
    const baked = bake({ x: 0, y: 0, width: 60, height: 60, bits }, { shift: 0, line: 1 }, { ...proposal, fillOpacity: 0 });
    return along.slice(2, -2).map((i) => baked.rgba[4 * ((from(i)[1] - baked.y) * baked.columns + i - baked.x) + 3] ?? 0);
  };
  // Both diagonals: a line that runs along x + y, or x - y, is broken too.
  for (const line of [diagonal((i) => [i, i]), diagonal((i) => [i, 59 - i])]) {
    expect(line.filter((value) => value === 255).length).toBeGreaterThan(10);
    expect(line.filter((value) => value === 0).length).toBeGreaterThan(10);
  }
});

test("a shrunken picture covers the same place", () => {
  const { x, y, width, height, columns, rows } = bake(square(16), { shift: 2, line: 2 }, look);
  expect([x, y, width, height, columns, rows]).toEqual([0, 12, 36, 32, 9, 8]);
});

test("detail follows the zoom: never coarser than the screen, at most twice as fine", () => {
  for (const scale of [0.05, 0.1, 0.24, 0.25, 0.3, 0.5, 0.84]) {
    const pixelsPerPixel = scale * 2 ** detailFor(scale).shift;
    expect(pixelsPerPixel).toBeLessThanOrEqual(1.0001);
    expect(pixelsPerPixel).toBeGreaterThan(0.5);
  }
  expect(detailFor(1)).toEqual({ shift: 0, line: 1 });
  expect(detailFor(8)).toEqual({ shift: 0, line: 0 });
});

test("twelve hues of equal lightness, none clipped at the gamut's edge", () => {
  const luminance = PALETTE.map(([red, green, blue]) => {
    const linear = (byte: number): number => (byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  });
  expect(new Set(PALETTE.map(String)).size).toBe(12);
  expect(Math.max(...luminance) / Math.min(...luminance)).toBeLessThan(1.25);
  expect(PALETTE.flat().every((byte) => byte > 0 && byte < 255)).toBe(true);
});
