// Training runs and their measures in people's words.
import type { Comparison, Interval, Measures, Run, RunKind, RunState } from "../../api/training";
import { decimal, iou, percent, signed, withInterval } from "../../ui/measureWords";
import { words } from "../../words/models";

export const KIND_WORDS: Readonly<Record<RunKind, { name: string; does: string }>> = words.kinds;

export const STATE_TONES: Readonly<Record<RunState, "quiet" | "active" | "good" | "look" | "bad">> = {
  queued: "quiet",
  snapshotting: "active",
  training: "active",
  evaluating: "active",
  promoted: "good",
  candidate: "look",
  refused: "look",
  failed: "bad",
  cancelled: "quiet",
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

/** That another version is live now than the one the candidate was compared with; null: the same, or not known. */
export function outdatedWords({ kind, metrics }: Run, live: Readonly<Record<RunKind, string | null>> | null): string | null {
  if (metrics === null || live === null) return null;
  const [rival, now] = [metrics.compared_with ?? null, live[kind]];
  if (rival !== null) return rival === now || (now === null && kind === "model") ? null : words.runs.outdated(rival);
  const hadNoRival = kind === "detector" && metrics.detector?.["live"] === null;
  return hadNoRival && now !== null ? words.runs.outdatedFirst(now) : null;
}

export interface ComparisonRow {
  measure: string;
  live: string;
  candidate: string;
  difference: string | null;
  /** Whether the whole interval of the difference lies on the good side, or on the bad one; null: neither is sure. */
  isBetter: boolean | null;
}

const ROWS: readonly { key: Extract<keyof Measures, "iou_1" | "iou_3" | "iou_5" | "noc_85" | "noc_90">; isLower: boolean }[] = [
  { key: "iou_1", isLower: false },
  { key: "iou_3", isLower: false },
  { key: "iou_5", isLower: false },
  { key: "noc_85", isLower: true },
  { key: "noc_90", isLower: true },
];

export function comparisonRows({ live, candidate, difference }: Comparison): ComparisonRow[] {
  const rows = ROWS.map(({ key, isLower }): ComparisonRow => {
    const format = isLower ? decimal : iou;
    const change = difference[key] ?? null;
    return {
      measure: words.comparison.measures[key],
      live: withInterval(live[key], format),
      candidate: withInterval(candidate[key], format),
      difference: change === null ? null : differenceWords(change, isLower ? (value) => value.toFixed(2) : iou),
      isBetter: change === null ? null : sureSide(change, isLower),
    };
  });
  const [before, after] = [live.calibration_error, candidate.calibration_error];
  if (before === null || after === null) return rows;
  const calibration = { measure: words.comparison.calibration, live: iou(before), candidate: iou(after) };
  return [...rows, { ...calibration, difference: null, isBetter: null }];
}

function differenceWords({ value, low, high }: Interval, format: (value: number) => string): string {
  if (low === null || high === null) return signed(value, format);
  return words.comparison.interval(signed(value, format), signed(low, format), signed(high, format));
}

function sureSide({ low, high }: Interval, isLower: boolean): boolean | null {
  if (low === null || high === null) return null;
  if (low > 0) return !isLower;
  return high < 0 ? isLower : null;
}

const DETECTOR_NAMES: Readonly<Record<string, string>> = words.comparison.detectorMeasures;

/** The numbers of a detector's figures, whatever they are called. */
export function detectorFigures(figures: Readonly<Record<string, unknown>>): { name: string; value: string }[] {
  return Object.entries(figures).flatMap(([name, value]) => {
    if (typeof value !== "number") return [];
    const isShare = value >= 0 && value <= 1 && !Number.isInteger(value);
    return [{ name: DETECTOR_NAMES[name] ?? name.replaceAll("_", " "), value: isShare ? percent(value) : String(value) }];
  });
}
