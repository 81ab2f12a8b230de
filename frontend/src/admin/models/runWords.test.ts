import { expect, it } from "vitest";
import type { Comparison, Measures, Run } from "../../api/training";
import { comparisonRows, curveOf, detectorFigures, outdatedWords, stepsOf } from "./runWords";

const interval = (value: number, spread: number | null = null) => ({
  value,
  low: spread === null ? null : value - spread,
  high: spread === null ? null : value + spread,
});

const measures = (iou: number, clicks: number): Measures => ({
  images: 20,
  masks: 90,
  iou_1: interval(iou, 0.02),
  iou_3: interval(iou + 0.05, 0.02),
  iou_5: interval(iou + 0.06),
  noc_85: interval(clicks, 0.5),
  noc_90: interval(clicks + 2, 0.5),
  calibration_error: 0.08,
});

const comparison: Comparison = {
  live: measures(0.6, 5),
  candidate: measures(0.65, 4),
  difference: { iou_1: interval(0.05, 0.01), iou_3: interval(0.01, 0.03), noc_85: interval(-1, 0.4) },
};

it("writes both versions with their intervals and says only what is sure", () => {
  const rows = comparisonRows(comparison);
  expect(rows[0]).toEqual({
    measure: "Mean IoU after 1 click",
    live: "0.600 (0.580 to 0.620)",
    candidate: "0.650 (0.630 to 0.670)",
    difference: "+0.050 (+0.040 to +0.060)",
    isBetter: true,
  });
  expect(rows[1]?.isBetter).toBeNull();
  expect(rows[2]).toMatchObject({ live: "0.660", difference: null });
  expect(rows[3]).toMatchObject({ difference: "\u22121.00 (\u22121.40 to \u22120.60)", isBetter: true });
  expect(rows.at(-1)).toMatchObject({ live: "0.080", candidate: "0.080" });
});

it("reads the curve of a run", () => {
  const run = { options: { steps: 300 }, curve: [{ step: 10, loss: 2.1 }, { step: 20, loss: 1.4, iou: 0.5 }] } as unknown as Run;
  expect(stepsOf(run)).toBe(300);
  expect(curveOf(run, "loss")).toEqual([{ x: 10, y: 2.1 }, { x: 20, y: 1.4 }]);
  expect(curveOf(run, "iou")).toEqual([{ x: 20, y: 0.5 }]);
  expect(stepsOf({ ...run, options: {} })).toBe(20);
});

it("shows a detector's figures by name", () => {
  expect(detectorFigures({ recall_50: 0.623, images: 12, notes: "none" })).toEqual([
    { name: "Found at IoU 0.50", value: "62.3\u00a0%" },
    { name: "images", value: "12" },
  ]);
});

it("says that a candidate was compared with what is not live any more", () => {
  const run = (kind: "model" | "detector", compared_with: string | null, detector: object | null = null): Run =>
    ({ kind, state: "candidate", metrics: { compared_with, detector } }) as unknown as Run;
  const live = { model: "nano-2", detector: "boxes-2" };
  expect(outdatedWords(run("model", "nano-1"), live)).toContain("compared with nano-1, which is not live any more");
  expect(outdatedWords(run("detector", "boxes-1"), live)).toContain("boxes-1, which is not live");
  expect(outdatedWords(run("detector", null, { live: null }), live)).toContain("no other detector; boxes-2 is live now");
  expect(outdatedWords(run("detector", "boxes-1"), { ...live, detector: null })).toContain("not live any more");
  // The same, unknown, or not written down.
  expect(outdatedWords(run("model", "nano-2"), live)).toBeNull();
  expect(outdatedWords(run("detector", null, { live: null }), { ...live, detector: null })).toBeNull();
  expect(outdatedWords(run("model", "nano-1"), null)).toBeNull();
  expect(outdatedWords(run("model", null), live)).toBeNull();
  expect(outdatedWords({ ...run("model", null), metrics: null }, live)).toBeNull();
});
