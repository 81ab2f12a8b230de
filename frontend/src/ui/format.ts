// Numbers, sizes and times as people read them.

import { locale } from "../words/language";
import { words } from "../words/ui";

export { count } from "../words/counting";

const BYTE_UNITS = ["B", "KB", "MB", "GB", "TB"];

/** Decimal units, as file managers and disks count: 1234567 > "1.2 MB". */
export function bytes(value: number): string {
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < BYTE_UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit > 0 && size < 99.95 ? size.toFixed(1) : size.toFixed(0)} ${BYTE_UNITS[unit] ?? ""}`;
}

/** A span of time in its largest sensible unit: "less than 5 s", "40 s", "3 min", "2 h 10 min". */
export function duration(seconds: number): string {
  if (seconds < 5) return words.duration.moment;
  if (seconds < 60) return words.duration.seconds(Math.ceil(seconds / 5) * 5);
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return words.duration.minutes(minutes);
  return words.duration.hours(Math.floor(minutes / 60), minutes % 60);
}

const momentFormat = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

/** "21 Nov 2026, 10:15" in the reader's own time zone. */
export const moment = (iso: string): string => momentFormat.format(new Date(iso));

const clockFormat = new Intl.DateTimeFormat(locale, { timeStyle: "short" });

/** "10:15" in the reader's own time zone. */
export const clock = (iso: string): string => clockFormat.format(new Date(iso));

/** Capital first letter, for phases and states that come as plain words. */
export const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1).replaceAll("_", " ");
