// Numbers within sentences.
import { locale } from "./language";

const countFormat = new Intl.NumberFormat(locale);

/** 12400 > "12,400". */
export const count = (value: number): string => countFormat.format(value);

/** For English only: `plural(1, "image")` > "1 image"; `plural(2, "category", "categories")` > "2 categories". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
