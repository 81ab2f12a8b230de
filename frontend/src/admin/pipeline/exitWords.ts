// What a stage still needs before its images may go on, as sentences and as shares of a bar.
import type { ExitProgress } from "../../api/stages";
import { count, plural } from "../../ui/format";
import { percent, seconds } from "../../ui/measureWords";

export interface ProgressWords {
  sentence: string;
  /** 0..1 of the way. */
  share: number;
  isMet: boolean;
}

/** Measures that are to come down, not up. */
const LOWER_IS_BETTER = new Set(["seconds_per_mask", "max_seconds_per_mask"]);

export function progressWords({ name, have, need }: ExitProgress): ProgressWords {
  if (have === null) return { sentence: unknownWords(name, need), share: 0, isMet: false };
  const isLower = LOWER_IS_BETTER.has(name);
  const isMet = isLower ? have <= need : have >= need;
  const share = isLower ? need / Math.max(have, 1e-9) : need > 0 ? have / need : 1;
  return { sentence: sentenceOf(name, have, need), share: Math.min(1, Math.max(0, share)), isMet };
}

function sentenceOf(name: string, have: number, need: number): string {
  if (LOWER_IS_BETTER.has(name)) return `${seconds(have)} per mask, ${seconds(need)} or less wanted`;
  const bar = barOf(name);
  if (bar !== null) return `${percent(have)} of audited masks above IoU ${bar}, ${percent(need)} wanted`;
  const unit = /audit/.test(name) ? "audited mask" : /image/.test(name) ? "image" : "mask";
  return `${count(have)} of ${plural(need, unit)}`;
}

/** The IoU of a share of audited masks; null for other measures. */
function barOf(name: string): string | null {
  if (name.endsWith("share_75")) return "0.75";
  return name.endsWith("share_90") ? "0.90" : null;
}

function unknownWords(name: string, need: number): string {
  if (LOWER_IS_BETTER.has(name)) return `${seconds(need)} per mask or less wanted; not measured yet`;
  return `${percent(need)} of audited masks above IoU ${barOf(name) ?? ""} wanted; none audited yet`;
}

/** "Needs 38 more audited masks" for a count that has not been reached. */
export function missing(have: number, need: number, unit: string): string {
  return `Needs ${plural(need, unit)}; ${count(have)} so far`;
}
