// Measures of a model with their unit, as people read them.
import { words } from "../words/ui";

/** 0.7134 > "71.3 %"; number and sign stay on one line. */
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)}\u00a0%`;

/** 0.7134 > "0.713". */
export const iou = (value: number): string => value.toFixed(3);

/** 14.2 > "14 s", 3.41 > "3.4 s". */
export const seconds = (value: number): string => words.seconds(value >= 10 ? value.toFixed(0) : value.toFixed(1));

export const decimal = (value: number): string => value.toFixed(1);

/** "0.713 (0.690 to 0.735)"; without bounds only the value. */
export function withInterval(
  { value, low, high }: { value: number; low: number | null; high: number | null },
  format: (value: number) => string,
): string {
  return low === null || high === null ? format(value) : words.interval(format(value), format(low), format(high));
}

/** "+0.021", "-1.3". */
export const signed = (value: number, format: (value: number) => string): string =>
  `${value < 0 ? "\u2212" : "+"}${format(Math.abs(value))}`;
