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

export interface Axis extends Extent {
  ticks: number[];
  /** Digits after the point that tell the ticks apart. */
  digits: number;
}

const STEPS = [1, 2, 5, 10, 20];
const ROOM = 0.08;

/** An axis with a little room around the values and two to five ticks at round numbers; `fromZero`: it begins at 0. */
export function axisOf({ low, high }: Extent, { fromZero = false, ticks: most = 4 } = {}): Axis {
  const top = fromZero ? Math.max(0, high) : high;
  const bottom = fromZero ? Math.min(0, low) : low;
  if (top === bottom) {
    const pad = top === 0 ? 1 : Math.abs(top) * 0.1;
    return axisOf({ low: bottom - (fromZero ? 0 : pad), high: top + pad }, { fromZero, ticks: most });
  }
  const room = ROOM * (top - bottom);
  const ends = { low: bottom - (fromZero && bottom === 0 ? 0 : room), high: top + room };
  const power = 10 ** Math.floor(Math.log10((ends.high - ends.low) / most));
  const step = (STEPS.find((one) => ticksWithin(ends, one * power) <= most) ?? 20) * power;
  const first = Math.ceil(ends.low / step - 1e-9);
  const ticks = Array.from({ length: ticksWithin(ends, step) }, (_, i) => tidy((first + i) * step));
  return { ...ends, ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

const ticksWithin = ({ low, high }: Extent, step: number): number =>
  Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + 1;

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
