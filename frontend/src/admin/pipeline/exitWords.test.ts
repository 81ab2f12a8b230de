import { expect, it } from "vitest";
import { progressWords } from "./exitWords";
import { itemsOf, ruleWords } from "./stageFigures";

it("says how far a stage is from its exit", () => {
  expect(progressWords({ name: "masks", have: 132, need: 500 })).toEqual({ sentence: "132 of 500 masks", share: 0.264, isMet: false });
  expect(progressWords({ name: "images", have: 40, need: 1 })).toMatchObject({ sentence: "40 of 1 image", share: 1, isMet: true });
  expect(progressWords({ name: "audit_masks", have: 12, need: 50 }).sentence).toBe("12 of 50 audited masks");
  expect(progressWords({ name: "share_90", have: 0.934, need: 0.8 })).toMatchObject({
    sentence: "93.4\u00a0% of audited masks above IoU 0.90, 80.0\u00a0% wanted",
    isMet: true,
  });
});

it("knows that seconds are to come down", () => {
  expect(progressWords({ name: "seconds_per_mask", have: 20, need: 10 })).toEqual({
    sentence: "20 s per mask, 10 s or less wanted",
    share: 0.5,
    isMet: false,
  });
  expect(progressWords({ name: "seconds_per_mask", have: null, need: 10 })).toEqual({
    sentence: "10 s per mask or less wanted; not measured yet",
    share: 0,
    isMet: false,
  });
  expect(progressWords({ name: "seconds_per_mask", have: 8.4, need: 10 }).isMet).toBe(true);
});

it("counts the images of a stage without those that went on", () => {
  expect(itemsOf({ proposing: 1, ready: 2, claimed: 1, done: 3, skipped: 1, moved: 9 })).toBe(8);
});

it("writes an admission's rule as a sentence", () => {
  expect(ruleWords({ count: 20, name_contains: "beach", random_share: null, include_done: true })).toBe(
    '20 images whose name contains "beach", finished ones too',
  );
  expect(ruleWords({ random_share: 0.25 })).toBe("A random 25 % of the waiting images");
  expect(ruleWords({})).toBe("All waiting images");
  expect(ruleWords({ image_ids: [4] })).toBe("1 chosen image");
});
