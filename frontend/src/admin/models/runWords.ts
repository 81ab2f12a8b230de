// Training runs and their measures in people's words.
import type { Comparison, DetectorMetrics, Interval, Measures, Run, RunKind, RunState } from "../../api/training";
import { decimal, iou, signed, withInterval } from "../../ui/measureWords";
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
  const hadNoRival = kind === "detector" && metrics.detector?.live === null;
  return hadNoRival && now !== null ? words.runs.outdatedFirst(now) : null;
}

export interface ComparisonRow {
  measure: string;
  /** null: there was none to compare with. */
  live: string | null;
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

const DETECTOR_MEASURES = ["ar_100", "ar_10", "ap", "ap_50", "ap_75"] as const;

/** A detector's figures beside those of the live one, which may be missing. */
export function detectorRows({ live, candidate, difference }: DetectorMetrics): ComparisonRow[] {
  return DETECTOR_MEASURES.map((key): ComparisonRow => {
    const change = key === "ar_100" ? (difference["ar_100"] ?? null) : null;
    return {
      measure: words.comparison.detectorMeasures[key],
      live: live === null ? null : iou(live[key]),
      candidate: iou(candidate[key]),
      difference: change === null ? null : differenceWords(change, iou),
      isBetter: change === null ? null : sureSide(change, false),
    };
  });
}
