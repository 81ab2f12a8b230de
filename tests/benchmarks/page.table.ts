// Figures as a Markdown table, each with the load of the machine while it was taken.
import { loadavg } from "node:os";

const rows: string[] = [];

/** Words of whoever measures, not of a program that goes wrong. */
export const say = (...lines: readonly string[]): void => void process.stdout.write(lines.map((line) => `${line}\n`).join(""));

const quantile = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;

/** One row: median, 95th percentile and number of the values. */
export function note(what: string, unit: string, values: readonly number[]): void {
  const sorted = [...values].sort((one, other) => one - other);
  const figure = (share: number): string => (sorted.length === 0 ? "none" : quantile(sorted, share).toFixed(1));
  const row = `| ${what} | ${figure(0.5)} | ${figure(0.95)} | ${unit} | ${sorted.length} | ${(loadavg()[0] ?? 0).toFixed(1)} |`;
  rows.push(row);
  say(row);
}

export const table = (): string => ["| | median | p95 | unit | n | load |", "|---|---|---|---|---|---|", ...rows].join("\n");

/** Change per step of a straight line through the values (least squares). */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const rise = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  return rise / values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
}
