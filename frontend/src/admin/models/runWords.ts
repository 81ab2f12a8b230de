// Training runs and their measures in people's words.
import type { Comparison, Interval, Measures, Run, RunKind, RunState } from "../../api/training";
import { decimal, iou, percent, signed, withInterval } from "../../ui/measureWords";

export const KIND_WORDS: Readonly<Record<RunKind, { name: string; does: string }>> = {
  model: { name: "Click model", does: "answers clicks and boxes with masks" },
  detector: { name: "Detector", does: "finds the objects that proposals are made of" },
};

export const STATE_WORDS: Readonly<Record<RunState, { word: string; tone: "quiet" | "active" | "good" | "look" | "bad" }>> = {
  queued: { word: "Waiting", tone: "quiet" },
  snapshotting: { word: "Making a snapshot", tone: "active" },
  training: { word: "Training", tone: "active" },
  evaluating: { word: "Being compared", tone: "active" },
  promoted: { word: "Promoted", tone: "good" },
  candidate: { word: "Passed", tone: "look" },
  refused: { word: "Refused", tone: "look" },
  failed: { word: "Failed", tone: "bad" },
  cancelled: { word: "Cancelled", tone: "quiet" },
};

/** How many steps the run is to take, as far as it says so. */
export function stepsOf(run: Run): number {
  const planned = run.options["steps"];
  return typeof planned === "number" ? planned : (run.curve.at(-1)?.["step"] ?? 0);
}

export function curveOf(run: Run, measure: "loss" | "iou"): { x: number; y: number }[] {
  return run.curve.flatMap((point) => {
    const [x, y] = [point["step"], point[measure]];
    return x !== undefined && y !== undefined ? [{ x, y }] : [];
  });
}

export interface ComparisonRow {
  measure: string;
  live: string;
  candidate: string;
  difference: string | null;
  /** Whether the whole interval of the difference lies on the good side, or on the bad one; null: neither is sure. */
  isBetter: boolean | null;
}

const ROWS: readonly { key: Extract<keyof Measures, "iou_1" | "iou_3" | "iou_5" | "noc_85" | "noc_90">; name: string; isLower: boolean }[] = [
  { key: "iou_1", name: "Mean IoU after 1 click", isLower: false },
  { key: "iou_3", name: "after 3 clicks", isLower: false },
  { key: "iou_5", name: "after 5 clicks", isLower: false },
  { key: "noc_85", name: "Clicks to IoU 0.85", isLower: true },
  { key: "noc_90", name: "Clicks to IoU 0.90", isLower: true },
];

export function comparisonRows({ live, candidate, difference }: Comparison): ComparisonRow[] {
  const rows = ROWS.map(({ key, name, isLower }): ComparisonRow => {
    const format = isLower ? decimal : iou;
    const change = difference[key] ?? null;
    return {
      measure: name,
      live: withInterval(live[key], format),
      candidate: withInterval(candidate[key], format),
      difference: change === null ? null : differenceWords(change, isLower ? (value) => value.toFixed(2) : iou),
      isBetter: change === null ? null : sureSide(change, isLower),
    };
  });
  const [before, after] = [live.calibration_error, candidate.calibration_error];
  if (before === null || after === null) return rows;
  const calibration = { measure: "Error of the predicted IoU", live: iou(before), candidate: iou(after) };
  return [...rows, { ...calibration, difference: null, isBetter: null }];
}

function differenceWords({ value, low, high }: Interval, format: (value: number) => string): string {
  const bounds = low === null || high === null ? "" : ` (${signed(low, format)} to ${signed(high, format)})`;
  return `${signed(value, format)}${bounds}`;
}

function sureSide({ low, high }: Interval, isLower: boolean): boolean | null {
  if (low === null || high === null) return null;
  if (low > 0) return !isLower;
  return high < 0 ? isLower : null;
}

const DETECTOR_NAMES: Readonly<Record<string, string>> = {
  ar_100: "Found objects (AR, 100 boxes)",
  recall_50: "Found at IoU 0.50",
  recall_75: "Found at IoU 0.75",
  precision_50: "Right boxes at IoU 0.50",
  ap_50: "Average precision at IoU 0.50",
};

/** The numbers of a detector's figures, whatever they are called. */
export function detectorFigures(figures: Readonly<Record<string, unknown>>): { name: string; value: string }[] {
  return Object.entries(figures).flatMap(([name, value]) => {
    if (typeof value !== "number") return [];
    const isShare = value >= 0 && value <= 1 && !Number.isInteger(value);
    return [{ name: DETECTOR_NAMES[name] ?? name.replaceAll("_", " "), value: isShare ? percent(value) : String(value) }];
  });
}
