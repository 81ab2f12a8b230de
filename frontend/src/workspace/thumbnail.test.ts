import fc from "fast-check";
import { expect, test } from "vitest";
import { frameFor } from "./thumbnail";

const THUMBNAIL = { width: 152, height: 114 };

test("masks of like size are shown on the same piece of the photo", () => {
  const all = [[100, 100, 200, 100], [120, 90, 150, 140]];
  const [one, other] = all.map((own) => frameFor(own, all, THUMBNAIL));
  expect(one).toEqual(other);
  expect(one).toMatchObject({ scale: (0.8 * 152) / 200 });
});

test("a small one beside one of the whole photo is seen", () => {
  const all = [[0, 0, 4000, 3000], [2000, 1000, 40, 30]];
  expect(frameFor(all[0] ?? [], all, THUMBNAIL).scale).toBeCloseTo((0.8 * 152) / 4000, 5);
  const { scale, x, y } = frameFor(all[1] ?? [], all, THUMBNAIL);
  expect(40 * scale).toBeCloseTo((0.8 * 152) / 4, 5);
  expect([(2020 - x) * scale, (1015 - y) * scale]).toEqual([76, 57]);
});

const box = fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 }));

test("every mask lies inside its thumbnail; it fills a fifth of one side unless it is tiny", () => {
  fc.assert(
    fc.property(fc.array(box, { minLength: 1, maxLength: 3 }), (all) => {
      for (const own of all) {
        const { scale, x, y } = frameFor(own, all, THUMBNAIL);
        const [left, top, width, height] = own;
        expect((left - x) * scale).toBeGreaterThanOrEqual(-1e-6);
        expect((left + width - x) * scale).toBeLessThanOrEqual(THUMBNAIL.width + 1e-6);
        expect((top - y) * scale).toBeGreaterThanOrEqual(-1e-6);
        expect((top + height - y) * scale).toBeLessThanOrEqual(THUMBNAIL.height + 1e-6);
        const share = Math.max(width * scale / THUMBNAIL.width, height * scale / THUMBNAIL.height);
        expect(share >= 0.2 - 1e-6 || scale === 2).toBe(true);
      }
    }),
  );
});

test("an empty one shows what the others show", () => {
  const all = [[10, 10, 50, 40]];
  expect(frameFor([0, 0, 0, 0], all, THUMBNAIL)).toEqual(frameFor([10, 10, 50, 40], all, THUMBNAIL));
  expect(frameFor([0, 0, 0, 0], [], THUMBNAIL)).toEqual({ scale: 2, x: 0, y: 0 });
});
