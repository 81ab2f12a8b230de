import { expect, it } from "vitest";
import type { Comparison, Measures, Run } from "../../api/training";
import { comparisonRows, curveOf, detectorRows, outdatedWords } from "./runWords";

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
  const run = { curve: [{ step: 10, loss: 2.1 }, { step: 20, loss: 1.4, iou: 0.5 }] } as unknown as Run;
  expect(curveOf(run, "loss")).toEqual([{ x: 10, y: 2.1 }, { x: 20, y: 1.4 }]);
  expect(curveOf(run, "iou")).toEqual([{ x: 20, y: 0.5 }]);
});

it("sets a detector beside the live one, or alone where there is none", () => {
  const figures = { ar_10: 0.12, ar_100: 0.306, ap: 0.1, ap_50: 0.2, ap_75: 0 };
  const first = detectorRows({ pictures: 16, boxes: 158, candidate: figures, live: null, difference: {} });
  expect(first[0]).toEqual({ measure: "Found objects (AR, 100 boxes)", live: null, candidate: "0.306", difference: null, isBetter: null });
  expect(first.map(({ candidate }) => candidate)).toEqual(["0.306", "0.120", "0.100", "0.200", "0.000"]);
  const difference = { ar_100: { value: 0.05, low: 0.01, high: 0.09 } };
  const second = detectorRows({ pictures: 16, boxes: 158, candidate: figures, live: { ...figures, ar_100: 0.256 }, difference });
  expect(second[0]).toMatchObject({ live: "0.256", difference: "+0.050 (+0.010 to +0.090)", isBetter: true });
  expect(second[1]).toMatchObject({ live: "0.120", difference: null });
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
