// How long and with how many clicks a person worked on the mask being made. Longer pauses do not count.

export interface Effort {
  readonly clicks: number;
  readonly activeMs: number;
  /** When the person last did something; null before the first sign of life. */
  readonly lastAt: number | null;
  /** What had been spent when the mask was taken up again; 0 for a new one. */
  readonly resumedMs: number;
  readonly resumedClicks: number;
}

const LONGEST_PAUSE_MS = 10_000;
const HINT_MS = 10_000;

export const NO_EFFORT: Effort = { clicks: 0, activeMs: 0, lastAt: null, resumedMs: 0, resumedClicks: 0 };

/** A sign of life at `now`: the time since the last one counts, up to the longest pause. */
export function touch(effort: Effort, now: number): Effort {
  return { ...effort, activeMs: activeMsAt(effort, now), lastAt: now };
}

export function addClick(effort: Effort, now: number): Effort {
  const touched = touch(effort, now);
  return { ...touched, clicks: touched.clicks + 1 };
}

export function activeMsAt({ activeMs, lastAt }: Effort, now: number): number {
  return lastAt === null ? activeMs : activeMs + Math.min(LONGEST_PAUSE_MS, Math.max(0, now - lastAt));
}

/** Seconds with one decimal, as they are kept with the mask. */
export const secondsAt = (effort: Effort, now: number): number => Math.round(activeMsAt(effort, now) / 100) / 10;

/** Goes on where a mask left off that has been reopened, or that was restored after a reload. */
export function resumed(clicks: number, activeSeconds: number, now: number): Effort {
  return { clicks, activeMs: activeSeconds * 1000, lastAt: now, resumedMs: activeSeconds * 1000, resumedClicks: clicks };
}

/** The mask that was taken up again is left as it was: what it had cost before is not the next one's. */
export function withoutResumed(effort: Effort): Effort {
  const { clicks, activeMs, resumedClicks, resumedMs } = effort;
  return { ...effort, clicks: clicks - resumedClicks, activeMs: activeMs - resumedMs, resumedClicks: 0, resumedMs: 0 };
}

/** Whether the mask has just taken `seconds`: for a while, and once only, also when it is taken up again. */
export function isHintDue(effort: Effort, now: number, seconds: number): boolean {
  const [activeMs, hintMs] = [activeMsAt(effort, now), seconds * 1000];
  return seconds > 0 && effort.resumedMs < hintMs && hintMs <= activeMs && activeMs < hintMs + HINT_MS;
}
