// Numbers to places on a chart. Pure.

export interface Extent {
  low: number;
  high: number;
}

/** What the values span, with their bounds; null without any value. */
export function extentOf(values: readonly (number | null | undefined)[]): Extent | null {
  const known = values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  return known.length === 0 ? null : { low: Math.min(...known), high: Math.max(...known) };
}

const STEPS = [1, 2, 2.5, 5, 10];

/** Round numbers that cover the extent: at most `count` + 1 of them, the first and last are the axis' ends. */
export function ticksOf({ low, high }: Extent, count = 3): number[] {
  if (low === high) {
    const pad = low === 0 ? 1 : Math.abs(low) * 0.1;
    return ticksOf({ low: low - pad, high: high + pad }, count);
  }
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const candidates = [...STEPS.map((step) => step * power), 20 * power];
  for (const step of candidates) {
    const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
    if (last - first <= count) return Array.from({ length: last - first + 1 }, (_, i) => tidy((first + i) * step));
  }
  return [low, high];
}

/** 0.30000000000000004 > 0.3. */
const tidy = (value: number): number => Number(value.toPrecision(12));

export type Scale = (value: number) => number;

export function linear({ low, high }: Extent, [from, to]: readonly [number, number]): Scale {
  const span = high === low ? 1 : high - low;
  return (value) => from + ((value - low) / span) * (to - from);
}

/** Middles of `count` equal bands across `width`. */
export const bandMiddles = (count: number, width: number): number[] =>
  Array.from({ length: count }, (_, i) => ((i + 0.5) * width) / count);

export interface Point {
  x: number;
  y: number | null;
}

/** An SVG path; a missing value breaks the line. */
export function pathOf(points: readonly Point[]): string {
  let isDown = false;
  const parts: string[] = [];
  for (const { x, y } of points) {
    if (y !== null) parts.push(`${isDown ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`);
    isDown = y !== null;
  }
  return parts.join("");
}

/** At most `limit` points: the mean of each run of neighbours. */
export function thin(points: readonly { x: number; y: number }[], limit: number): { x: number; y: number }[] {
  if (points.length <= limit) return [...points];
  const size = points.length / limit;
  return Array.from({ length: limit }, (_, i) => {
    const run = points.slice(Math.floor(i * size), Math.max(Math.floor(i * size) + 1, Math.floor((i + 1) * size)));
    const mean = (pick: "x" | "y"): number => run.reduce((sum, point) => sum + point[pick], 0) / run.length;
    return { x: mean("x"), y: mean("y") };
  });
}

/** Exponential mean that forgets with each point; begins at the first. `keep` 0..1. */
export function smooth(points: readonly { x: number; y: number }[], keep: number): { x: number; y: number }[] {
  let mean: number | null = null;
  return points.map(({ x, y }) => {
    mean = mean === null ? y : keep * mean + (1 - keep) * y;
    return { x, y: mean };
  });
}
