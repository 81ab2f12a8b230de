// Regions against the plainest possible reading of them: one byte a pixel.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { imagePoint, type Size } from "../geometry";
import { fillHoles, grow, keepLargest, partsOf, regionOfPart, removeIslands, shrinkByOne } from "./operations";
import { polygonRegion, strokeRegion } from "./raster";
import { complement, difference, intersect, isEmpty, nothing, pixelsOf, regionOf, regionOfSpans, type Span, spansOf, subtract, union } from "./regions";
import { areaOf, contains, type Runs, runsOf } from "./rle";

const image: Size = { width: 13, height: 11 };

function regionOfPixels(pixels: readonly number[], { width, height } = image): Runs {
  const spans = pixels.flatMap((value, i): Span[] => (value === 1 ? [[i % width, Math.floor(i / width), Math.floor(i / width) + 1]] : []));
  return regionOfSpans(spans, { width, height });
}

const pixelsIn = (region: Runs): number[] =>
  Array.from({ length: region.width * region.height }, (_, i) => (contains(region, i % region.width, Math.floor(i / region.width)) ? 1 : 0));

const anyPixels = fc.array(fc.constantFrom(0, 0, 1), { minLength: 143, maxLength: 143 });
const denser = fc.array(fc.constantFrom(0, 1, 1, 1), { minLength: 143, maxLength: 143 });
const some = fc.oneof(anyPixels, denser);
const holds = (a: Runs, b: Runs): boolean => isEmpty(subtract(b, a));

describe("sets of pixels", () => {
  test("are what they are made of, in whatever order", () => {
    fc.assert(fc.property(some, (pixels) => void expect(pixelsIn(regionOfPixels(pixels))).toEqual(pixels)));
    fc.assert(
      fc.property(some, (pixels) => {
        const region = regionOfPixels(pixels);
        expect(regionOfSpans(spansOf(region).reverse(), image)).toEqual(region);
        expect(runsOf(pixelsOf(region).rle)).toEqual(region);
        expect(pixelsOf(region).area).toBe(pixels.reduce<number>((sum, value) => sum + value, 0));
      }),
    );
  });

  test("are combined pixel by pixel", () => {
    fc.assert(
      fc.property(some, some, (a: readonly number[], b: readonly number[]) => {
        const [first, second] = [regionOfPixels(a), regionOfPixels(b)];
        expect(pixelsIn(union(first, second))).toEqual(a.map((value, i) => value | (b[i] ?? 0)));
        expect(pixelsIn(intersect(first, second))).toEqual(a.map((value, i) => value & (b[i] ?? 0)));
        expect(pixelsIn(subtract(first, second))).toEqual(a.map((value, i) => value & (1 - (b[i] ?? 0))));
        expect(pixelsIn(complement(first))).toEqual(a.map((value) => 1 - value));
      }),
    );
  });

  test("come back when the same difference is applied twice", () => {
    fc.assert(
      fc.property(some, some, (a: readonly number[], b: readonly number[]) => {
        const [first, second] = [regionOfPixels(a), regionOfPixels(b)];
        expect(difference(difference(first, second), second)).toEqual(first);
        expect(difference(first, first)).toEqual(nothing(image));
      }),
    );
  });

  test("are decoded once for one mask", () => {
    const { rle } = pixelsOf(regionOfPixels([0, 1, 1]));
    expect(regionOf(rle)).toBe(regionOf(rle));
  });
});

/** Components by flooding, without the code under test. */
function flood(pixels: readonly number[], value: 0 | 1, steps: readonly (readonly [number, number])[]): number[][] {
  const [seen, parts] = [new Set<number>(), [] as number[][]];
  pixels.forEach((_, start) => {
    if (pixels[start] !== value || seen.has(start)) return;
    const part = [start];
    seen.add(start);
    for (const at of part) {
      for (const [dx, dy] of steps) {
        const [x, y] = [(at % image.width) + dx, Math.floor(at / image.width) + dy];
        const next = y * image.width + x;
        if (x < 0 || y < 0 || x >= image.width || y >= image.height || pixels[next] !== value || seen.has(next)) continue;
        seen.add(next);
        part.push(next);
      }
    }
    parts.push(part);
  });
  return parts;
}
const SIDES = [[1, 0], [-1, 0], [0, 1], [0, -1]] as const;
const CORNERS = [...SIDES, [1, 1], [1, -1], [-1, 1], [-1, -1]] as const;

describe("tidying", () => {
  test("parts are the connected ones, corners included, largest first", () => {
    fc.assert(
      fc.property(some, (pixels) => {
        const region = regionOfPixels(pixels);
        const parts = partsOf(region);
        expect(parts.map(({ area }) => area)).toEqual(flood(pixels, 1, CORNERS).map((part) => part.length).sort((a, b) => b - a));
        expect(parts.map((part) => regionOfPart(part, region)).reduce(union, nothing(image))).toEqual(region);
        expect(partsOf(region, "sides").length).toBe(flood(pixels, 1, SIDES).length);
      }),
    );
  });

  test("holes are filled, bays are not", () => {
    const isAtEdge = (at: number): boolean => {
      const [x, y] = [at % image.width, Math.floor(at / image.width)];
      return x === 0 || y === 0 || x === image.width - 1 || y === image.height - 1;
    };
    fc.assert(
      fc.property(some, (pixels) => {
        const filled: number[] = [...pixels];
        for (const hole of flood(pixels, 0, SIDES)) if (!hole.some(isAtEdge)) for (const at of hole) filled[at] = 1;
        expect(pixelsIn(fillHoles(regionOfPixels(pixels)))).toEqual(filled);
      }),
    );
  });

  test("islands go by size, the largest part stays", () => {
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 6 }), (pixels, least) => {
        const region = regionOfPixels(pixels);
        const kept: number[] = [...pixels];
        for (const part of flood(pixels, 1, CORNERS)) if (part.length < least) for (const at of part) kept[at] = 0;
        expect(pixelsIn(removeIslands(region, least))).toEqual(kept);
        expect(areaOf(keepLargest(region))).toBe(Math.max(0, ...flood(pixels, 1, CORNERS).map((part) => part.length)));
      }),
    );
  });

  test("growing takes the neighbours by side, and shrinking after growing gives at least what there was", () => {
    fc.assert(
      fc.property(some, (pixels) => {
        const region = regionOfPixels(pixels);
        const grown = pixels.map((value, i) => {
          const [x, y] = [i % image.width, Math.floor(i / image.width)];
          const isNear = SIDES.some(([dx, dy]) => contains(region, x + dx, y + dy));
          return value === 1 || isNear ? 1 : 0;
        });
        expect(pixelsIn(grow(region))).toEqual(grown);
        expect(holds(shrinkByOne(grow(region)), region)).toBe(true);
        expect(holds(region, grow(shrinkByOne(region)))).toBe(true);
      }),
    );
  });
});

describe("drawing", () => {
  const place = fc.record({ x: fc.double({ min: -4, max: 17, noNaN: true }), y: fc.double({ min: -4, max: 15, noNaN: true }) });
  const path = fc.array(place, { minLength: 1, maxLength: 6 });

  const distance = (p: { x: number; y: number }, a: { x: number; y: number }, b: { x: number; y: number }): number => {
    const length = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
    const share = length === 0 ? 0 : Math.min(1, Math.max(0, ((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y)) / length));
    return Math.hypot(p.x - a.x - share * (b.x - a.x), p.y - a.y - share * (b.y - a.y));
  };

  test("a stroke is every pixel near enough to its path: the union of its capsules", () => {
    fc.assert(
      fc.property(path, fc.integer({ min: 1, max: 5 }), (points, radius) => {
        const painted = pixelsIn(strokeRegion(points, radius, image));
        painted.forEach((value, i) => {
          const centre = { x: (i % image.width) + 0.5, y: Math.floor(i / image.width) + 0.5 };
          const near = Math.min(...points.map((point, j) => distance(centre, points[Math.max(0, j - 1)] ?? point, point)));
          if (Math.abs(near - radius) > 1e-9) expect([i, value]).toEqual([i, near < radius ? 1 : 0]);
        });
      }),
    );
  });

  test("a single press paints", () => {
    expect(areaOf(strokeRegion([imagePoint(5.5, 5.5)], 1, image))).toBe(5);
  });

  test("a closed line holds what it goes round: by winding, without holes where it crosses itself", () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 3, maxLength: 8 }), (points) => {
        const inside = pixelsIn(polygonRegion(points, image));
        inside.forEach((value, i) => {
          const [x, y] = [(i % image.width) + 0.5, Math.floor(i / image.width) + 0.5];
          const edges = points.map((a, j) => [a, points[(j + 1) % points.length] ?? a] as const);
          if (edges.some(([a, b]) => distance({ x, y }, a, b) < 1e-6)) return;
          // The angle gone round, in turns.
          const turns = edges.reduce((sum, [a, b]) => {
            const turn = Math.atan2(b.y - y, b.x - x) - Math.atan2(a.y - y, a.x - x);
            return sum + turn - 2 * Math.PI * Math.round(turn / (2 * Math.PI));
          }, 0);
          expect([i, value]).toEqual([i, Math.round(turns / (2 * Math.PI)) === 0 ? 0 : 1]);
        });
      }),
    );
  });
});
