import fc from "fast-check";
import { expect, it } from "vitest";
import { axisOf, bandMiddles, extentOf, linear, pathOf, smooth, thin } from "./scale";

it("spans what is known", () => {
  expect(extentOf([null, 0.4, undefined, 0.7, Number.NaN])).toEqual({ low: 0.4, high: 0.7 });
  expect(extentOf([null])).toBeNull();
});

it("chooses round ticks, and digits that tell them apart", () => {
  expect(axisOf({ low: 0.55, high: 0.82 })).toMatchObject({ ticks: [0.6, 0.7, 0.8], digits: 1 });
  expect(axisOf({ low: 12, high: 34 }, { fromZero: true })).toMatchObject({ low: 0, ticks: [0, 10, 20, 30], digits: 0 });
  expect(axisOf({ low: 0.71, high: 0.74 }).digits).toBe(2);
  expect(axisOf({ low: 3, high: 3 }).ticks.length).toBeGreaterThan(1);
  expect(axisOf({ low: 0, high: 0 }, { fromZero: true }).low).toBe(0);
});

it("covers any extent with few ticks in rising order", () => {
  const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(finite, finite, fc.boolean(), (a, b, fromZero) => {
      const extent = { low: Math.min(a, b), high: Math.max(a, b) };
      fc.pre(extent.high - extent.low > 1e-6 * Math.max(1, Math.abs(a), Math.abs(b)));
      const { low, high, ticks } = axisOf(extent, { fromZero });
      expect(low).toBeLessThanOrEqual(extent.low);
      expect(high).toBeGreaterThanOrEqual(extent.high);
      expect(ticks.length).toBeGreaterThanOrEqual(1);
      expect(ticks.length).toBeLessThanOrEqual(4);
      expect([...ticks].sort((one, other) => one - other)).toEqual(ticks);
      if (fromZero) expect(low <= 0 && high >= 0).toBe(true);
    }),
  );
});

it("places values and breaks lines where one is missing", () => {
  const y = linear({ low: 0, high: 1 }, [100, 0]);
  expect([0, 0.25, 1].map(y)).toEqual([100, 75, 0]);
  expect(bandMiddles(2, 100)).toEqual([25, 75]);
  const points = [0, null, 0.5, 1].map((value, i) => ({ x: 10 * i, y: value === null ? null : y(value) }));
  expect(pathOf(points)).toBe("M0.0 100.0M20.0 50.0L30.0 0.0");
});

it("thins a long curve without losing its ends or its mean", () => {
  const points = Array.from({ length: 1000 }, (_, x) => ({ x, y: x % 2 }));
  const few = thin(points, 100);
  expect(few).toHaveLength(100);
  expect(few.every(({ y }) => y === 0.5)).toBe(true);
  expect(thin(points.slice(0, 3), 100)).toEqual(points.slice(0, 3));
});

it("smooths from the first point on", () => {
  expect(smooth([{ x: 0, y: 1 }, { x: 1, y: 0 }, { x: 2, y: 0 }], 0.5).map(({ y }) => y)).toEqual([1, 0.5, 0.25]);
});
