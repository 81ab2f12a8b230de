// What a stage still needs before its images may go on, as sentences and as shares of a bar.
import type { ExitProgress } from "../../api/stages";
import { percent, seconds } from "../../ui/measureWords";
import { words } from "../../words/pipeline";

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
  if (LOWER_IS_BETTER.has(name)) return words.exit.seconds(seconds(have), seconds(need));
  const bar = barOf(name);
  if (bar !== null) return words.exit.share(percent(have), bar, percent(need));
  if (/audit/.test(name)) return words.exit.auditedMasks(have, need);
  return /image/.test(name) ? words.exit.images(have, need) : words.exit.masks(have, need);
}

/** The IoU of a share of audited masks; null for other measures. */
function barOf(name: string): string | null {
  if (name.endsWith("share_75")) return "0.75";
  return name.endsWith("share_90") ? "0.90" : null;
}

function unknownWords(name: string, need: number): string {
  if (LOWER_IS_BETTER.has(name)) return words.exit.secondsUnknown(seconds(need));
  return words.exit.shareUnknown(barOf(name) ?? "", percent(need));
}
