import { expect, it } from "vitest";
import type { Round } from "../../api/statistics";
import { chartLabel, hasProposals, MEASURES, readingOf, seriesOf } from "./rounds";

const interval = (value: number) => ({ value, low: value - 0.02, high: value + 0.02 });

function round(part: Partial<Round>): Round {
  return {
    model_version: "nano-1",
    promoted_at: null,
    masks: 10,
    median_seconds: null,
    mean_seconds: null,
    median_clicks: null,
    mean_clicks: null,
    masks_per_image: null,
    kept: 0,
    edited: 0,
    rejected: 0,
    added: 0,
    run: null,
    ...part,
  };
}

const measured = (id: number, value: number) => ({
  id,
  iou_1: interval(value),
  iou_3: interval(value + 0.05),
  iou_5: interval(value + 0.07),
  noc_85: { value: 5 - id, low: null, high: null },
  calibration_error: null,
});

const ROUNDS = [
  round({ run: measured(1, 0.6), median_seconds: 20 }),
  round({ median_seconds: 14.2 }),
  round({ run: measured(2, 0.71), median_seconds: 14.24 }),
];

const measure = (key: string) => {
  const found = MEASURES.find((one) => one.key === key);
  if (found === undefined) throw new Error(key);
  return found;
};

it("makes a series for each number of clicks, with a gap where nothing was measured", () => {
  const series = seriesOf(measure("iou"), ROUNDS);
  expect(series.map(({ name }) => name)).toEqual(["1 click", "3 clicks", "5 clicks"]);
  expect(series[0]?.values).toEqual([interval(0.6), null, interval(0.71)]);
  expect(new Set(series.map(({ shape }) => shape)).size).toBe(3);
});

it("compares a round with the nearest earlier one that was measured, and knows which way is good", () => {
  expect(readingOf(measure("iou"), ROUNDS, 2)).toEqual({ value: "0.710", trend: "+0.110 against round 1", isBetter: true });
  expect(readingOf(measure("iou"), ROUNDS, 0)).toEqual({ value: "0.600", trend: null, isBetter: null });
  expect(readingOf(measure("iou"), ROUNDS, 1)).toBeNull();
  expect(readingOf(measure("seconds"), ROUNDS, 1)).toEqual({ value: "14 s", trend: "\u22125.8 s against round 1", isBetter: true });
  expect(readingOf(measure("seconds"), ROUNDS, 2)).toMatchObject({ trend: "as round 2", isBetter: null });
});

it("tells the chart in words", () => {
  expect(chartLabel(measure("noc"), ROUNDS)).toBe(
    "Clicks to IoU 0.85 over 3 rounds: clicks from 4.0 to 3.0. The numbers are in the table below.",
  );
  expect(chartLabel(measure("clicks"), ROUNDS)).toContain("nothing yet");
});

it("knows whether there are proposals to show", () => {
  expect(hasProposals(ROUNDS)).toBe(false);
  expect(hasProposals([round({ rejected: 1 })])).toBe(true);
});
