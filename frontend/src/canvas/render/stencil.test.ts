import fc from "fast-check";
import { expect, test } from "vitest";
import { rleOf, type Rle, contains, runsOf } from "../masks/rle";
import { boxOfPath, stencilPixels } from "./stencil";

const [WIDTH, HEIGHT] = [9, 7];

const masks: fc.Arbitrary<Rle> = fc
  .array(fc.integer({ min: 0, max: 1 }), { minLength: WIDTH * HEIGHT, maxLength: WIDTH * HEIGHT })
  .map((bits) => rleOf({ x: 0, y: 0, width: WIDTH, height: HEIGHT, bits: Uint8Array.from(bits) }, { width: WIDTH, height: HEIGHT }));

test("a device pixel may be changed where the image pixel under its middle may", () => {
  const place = fc.record({ scale: fc.constantFrom(0.25, 0.5, 0.75, 1, 1.5, 3), left: fc.integer({ min: -9, max: 9 }), top: fc.integer({ min: -9, max: 9 }) });
  fc.assert(
    fc.property(fc.option(masks), fc.array(masks, { maxLength: 2 }), place, (inside, spared, { scale, left, top }) => {
      const [width, height] = [14, 11];
      const pixels = stencilPixels({ inside, spared }, { scale, left, top }, width, height);
      const [only, others] = [inside === null ? null : runsOf(inside), spared.map(runsOf)];
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const at = [(x + 0.5 - left) / scale, (y + 0.5 - top) / scale] as const;
          const isAllowed = (only === null || contains(only, ...at)) && !others.some((runs) => contains(runs, ...at));
          expect((pixels[y * width + x] ?? 0) !== 0, `${x} ${y}`).toBe(isAllowed);
        }
      }
    }),
  );
});

test("a path's box holds all it may touch and stays on the surface", () => {
  const surface = { ratio: 2, width: 200, height: 100 } as Parameters<typeof boxOfPath>[3];
  const viewport = { scale: 1.5, left: 10, top: -4 };
  expect(boxOfPath([{ x: 10, y: 10 }, { x: 20, y: 12 }], 2, viewport, surface)).toEqual({ x: 43, y: 15, width: 44, height: 20 });
  expect(boxOfPath([{ x: -50, y: 500 }], 2, viewport, surface).width).toBeLessThanOrEqual(0);
  expect(boxOfPath([{ x: 0, y: 0 }], 1000, viewport, surface)).toEqual({ x: 0, y: 0, width: 200, height: 100 });
});
