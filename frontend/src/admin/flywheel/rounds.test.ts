import { expect, it } from "vitest";
import type { Round } from "../../api/statistics";
import { chartLabel, hasProposals, MEASURES, readingOf, seriesOf } from "./rounds";

const interval = (value: number) => ({ value, low: value - 0.02, high: value + 0.02 });

function round(part: Partial<Round>): Round {
  return {
    model_version: "nano-1",
    promoted_at: null,
    masks: 30,
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

const figures = (value: number, clicks: number, error: number | null = null) => ({
  iou_1: interval(value),
  iou_3: interval(value + 0.05),
  iou_5: interval(value + 0.07),
  noc_85: { value: clicks, low: null, high: null },
  calibration_error: error,
});

/** The later run's frozen images are harder: what is better there has the lower mean. */
const ROUNDS = [
  round({ run: { id: 1, ...figures(0.588, 4), change: null }, median_seconds: 20 }),
  round({ model_version: "nano-2", median_seconds: 14.2 }),
  round({
    model_version: "nano-3",
    run: {
      id: 2,
      ...figures(0.508, 3, 0.09),
      change: {
        model_version: "nano-1",
        live: figures(0.479, 3.4, 0.1),
        difference: { iou_1: { value: 0.028, low: 0.003, high: 0.062 }, noc_85: { value: -0.4, low: -0.9, high: 0.2 } },
      },
    },
    median_seconds: 14.24,
  }),
];

const measure = (key: string) => {
  const found = MEASURES.find((one) => one.key === key);
  if (found === undefined) throw new Error(key);
  return found;
};

it("makes a series for each number of clicks, with a gap where nothing was measured", () => {
  const series = seriesOf(measure("iou"), ROUNDS);
  expect(series.map(({ name }) => name)).toEqual(["1 click", "3 clicks", "5 clicks"]);
  expect(series[0]?.values).toEqual([interval(0.588), null, interval(0.508)]);
  expect(new Set(series.map(({ shape }) => shape)).size).toBe(3);
});

it("takes what is measured on frozen images from the comparison on the same masks, and is sure only with its interval", () => {
  expect(readingOf(measure("iou"), ROUNDS, 2)).toEqual({
    value: "0.508",
    trend: "+0.028 (+0.003 to +0.062) against round 1, 0.479 on the same masks",
    isBetter: true,
  });
  expect(readingOf(measure("iou"), ROUNDS, 0)).toEqual({ value: "0.588", trend: null, isBetter: null });
  expect(readingOf(measure("iou"), ROUNDS, 1)).toBeNull();
  expect(readingOf(measure("noc"), ROUNDS, 2)).toMatchObject({
    trend: "\u22120.40 (\u22120.90 to +0.20) against round 1, 3.4 on the same masks",
    isBetter: null,
  });
  expect(readingOf(measure("calibration"), ROUNDS, 2)).toEqual({
    value: "0.090",
    trend: "\u22120.010 against round 1, 0.100 on the same masks",
    isBetter: null,
  });
});

it("names what it is compared with where that is no round of the page", () => {
  const [first, , last] = ROUNDS;
  const against = (model_version: string | null) => {
    const run = last?.run;
    if (first === undefined || run === undefined || run === null || run.change === null) throw new Error("no run");
    return readingOf(measure("iou"), [first, round({ model_version: "nano-3", run: { ...run, change: { ...run.change, model_version } } })], 1)?.trend;
  };
  expect(against("elsewhere-1")).toContain("against elsewhere-1,");
  expect(against(null)).toContain("against the version live then,");
});

it("compares people's work with the nearest earlier round that has some, and knows which way is good", () => {
  expect(readingOf(measure("seconds"), ROUNDS, 1)).toEqual({ value: "14 s", trend: "\u22125.8 s against round 1", isBetter: true });
  expect(readingOf(measure("seconds"), ROUNDS, 2)).toMatchObject({ trend: "as round 2", isBetter: null });
});

it("tells the chart in words, without a trend where each round has masks of its own", () => {
  expect(chartLabel(measure("noc"), ROUNDS)).toBe("Clicks to IoU 0.85 over 3 rounds: clicks 3.0. The numbers are in the table below.");
  expect(chartLabel(measure("seconds"), ROUNDS)).toContain("median from 20 s to 14 s.");
  expect(chartLabel(measure("clicks"), ROUNDS)).toContain("nothing yet");
  expect(seriesOf(measure("noc"), ROUNDS)[0]?.isJoined).toBe(false);
  expect(seriesOf(measure("seconds"), ROUNDS)[0]?.isJoined).toBe(true);
});

it("knows whether there are proposals to show", () => {
  expect(hasProposals(ROUNDS)).toBe(false);
  expect(hasProposals([round({ rejected: 1 })])).toBe(true);
});

it("says how people's work differs but not that it is better before there are enough masks", () => {
  const few = [...ROUNDS.slice(0, 1), round({ model_version: "nano-2", median_seconds: 14.2, masks: 29 })];
  expect(readingOf(measure("seconds"), few, 1)).toEqual({ value: "14 s", trend: "\u22125.8 s against round 1", isBetter: null });
});
