import fc from "fast-check";
import { expect, test } from "vitest";
import { around, boxBetween, fit, imagePoint, keepVisible, MAX_SCALE, scaleLimits, screenPoint, toImage, toScreen, zoomAt } from "./geometry";

const coordinate = fc.double({ min: -5000, max: 5000, noNaN: true });
const viewport = fc.record({ scale: fc.double({ min: 0.01, max: 32, noNaN: true }), left: coordinate, top: coordinate });
const size = fc.record({ width: fc.integer({ min: 1, max: 9000 }), height: fc.integer({ min: 1, max: 9000 }) });

test("a point comes back from the screen", () => {
  fc.assert(
    fc.property(viewport, coordinate, coordinate, (view, x, y) => {
      const there = toScreen(view, imagePoint(x, y));
      const back = toImage(view, there);
      expect(Math.abs(back.x - x) + Math.abs(back.y - y)).toBeLessThan(1e-6 * (1 + Math.abs(x) + Math.abs(y) + 5000 / view.scale));
    }),
  );
});

test("zooming keeps what lies under the cursor", () => {
  fc.assert(
    fc.property(viewport, coordinate, coordinate, fc.double({ min: 0.2, max: 5, noNaN: true }), (view, x, y, factor) => {
      const at = screenPoint(x, y);
      const zoomed = zoomAt(view, at, factor, { min: 0.001, max: 64 });
      const under = toScreen(zoomed, toImage(view, at));
      expect(under.x).toBeCloseTo(x, 5);
      expect(under.y).toBeCloseTo(y, 5);
    }),
  );
});

test("a fitted image lies inside the view, and its scale is allowed", () => {
  fc.assert(
    fc.property(size, (image) => {
      const view = { width: 1200, height: 800 };
      const { scale, left, top } = fit(image, view);
      expect(left).toBeGreaterThanOrEqual(15.99);
      expect(top).toBeGreaterThanOrEqual(15.99);
      expect(left + image.width * scale).toBeLessThanOrEqual(1184.01);
      expect(top + image.height * scale).toBeLessThanOrEqual(784.01);
      const { min, max } = scaleLimits(image, view);
      expect(scale >= min && scale <= max).toBe(true);
    }),
  );
});

test("the image cannot be pushed off the screen", () => {
  const [image, view] = [{ width: 100, height: 100 }, { width: 400, height: 300 }];
  expect(keepVisible({ scale: 2, left: 9999, top: -9999 }, image, view)).toEqual({ scale: 2, left: 352, top: -152 });
});

test("boxes are sorted, cut to the image, and refused when they are nothing", () => {
  const image = { width: 100, height: 50 };
  expect(boxBetween(imagePoint(120, 40), imagePoint(-10, 10), image)).toEqual({ x1: 0, y1: 10, x2: 100, y2: 40 });
  expect(boxBetween(imagePoint(5, 5), imagePoint(5.5, 40), image)).toBeNull();
  expect(boxBetween(imagePoint(200, 5), imagePoint(300, 40), image)).toBeNull();
});

test("a mask that is zoomed to lies in the middle, with room around it", () => {
  const image = { width: 4000, height: 3000 };
  const view = { width: 1000, height: 800 };
  const viewport = around({ x: 1000, y: 600, width: 200, height: 100 }, image, view);
  expect(viewport.scale).toBe(2.5);
  expect(toScreen(viewport, imagePoint(1100, 650))).toEqual({ x: 500, y: 400 });
  expect(around({ x: 0, y: 0, width: 1, height: 1 }, image, view).scale).toBe(MAX_SCALE);
  expect(around({ x: 500, y: 0, width: 2500, height: 2900 }, image, view)).toEqual(fit(image, view)); // not farther than all
});
