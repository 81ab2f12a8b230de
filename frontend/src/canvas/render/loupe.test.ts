import fc from "fast-check";
import { expect, test } from "vitest";
import { LOUPE_RADIUS_PX, loupePlace } from "./loupe";

test("the loupe lies within the view and never under the finger", () => {
  const sides = fc.record({ width: fc.integer({ min: 320, max: 2000 }), height: fc.integer({ min: 240, max: 1500 }) });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(sides, share, share, (view, across, down) => {
      const finger = { x: across * view.width, y: down * view.height };
      const place = loupePlace(finger, view);
      if (place === null) throw new Error("there is room in a view of this size");
      expect(Math.min(place.x, place.y, view.width - place.x, view.height - place.y)).toBeGreaterThanOrEqual(LOUPE_RADIUS_PX);
      expect(Math.hypot(place.x - finger.x, place.y - finger.y)).toBeGreaterThanOrEqual(LOUPE_RADIUS_PX + 30);
    }),
  );
});

test("it is above the finger where it can be, and gone where there is no room", () => {
  expect(loupePlace({ x: 200, y: 300 }, { width: 400, height: 600 })).toEqual({ x: 200, y: 208 });
  expect(loupePlace({ x: 50, y: 50 }, { width: 100, height: 100 })).toBeNull();
});
