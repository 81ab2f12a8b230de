// How long work still takes, told only when it can be known.
import { words } from "../words/ui";

const SHARE_NEEDED = 0.05;

export interface Pace {
  perSecond: number | null;
  secondsLeft: number | null;
}

/** Rate and time left, `seconds` after `doneBefore` were done; the estimate appears once 5 % are. */
export function paceOf(done: number, total: number, seconds: number, doneBefore = 0): Pace {
  if (done <= doneBefore || seconds <= 0) return { perSecond: null, secondsLeft: null };
  const perSecond = (done - doneBefore) / seconds;
  const isKnowable = total > 0 && done < total && done / total >= SHARE_NEEDED;
  return { perSecond, secondsLeft: isKnowable ? (total - done) / perSecond : null };
}

/** 41.2 > "41/s"; 0.4 > "0.4/s". */
export const rate = (perSecond: number): string => words.perSecond(perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(1));
