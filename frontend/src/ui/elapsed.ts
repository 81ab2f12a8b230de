// Time spans between what the server wrote and when its answer came.

/** Whole and part seconds from `iso` to `nowMs`; null when it has not begun. */
export function secondsSince(iso: string | null, nowMs: number): number | null {
  return iso === null ? null : Math.max(0, (nowMs - Date.parse(iso)) / 1000);
}
