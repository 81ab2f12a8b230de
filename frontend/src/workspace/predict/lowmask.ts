// A mask prompt as the decoder takes it: how much of each low-resolution pixel the mask covers, as the server counts it
// (Pillow's antialiased bilinear filter in 8 bits, down the columns first: libImaging/Resample.c).
import { bitmapOf, type Rle, runsOf } from "../../canvas/masks/rle";
import type { Frame } from "./description";

/** A mask prompt is +10 inside, -10 outside (sam2_base.py, _use_mask_as_output). */
const MASK_PROMPT_LOGIT = 10;
const PRECISION = 2 ** 22;

interface Taps {
  readonly start: number;
  /** Whole numbers that add up to PRECISION. */
  readonly weights: readonly number[];
}

function tapsOf(pixels: number, lowPixels: number): Taps[] {
  const scale = pixels / lowPixels;
  const reach = Math.max(scale, 1);
  const perReach = 1 / reach; // multiplied with, as there: a rounding may decide
  return Array.from({ length: lowPixels }, (_, low) => {
    const centre = (low + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(pixels, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: end - start }, (_, i) => Math.max(0, 1 - Math.abs((start + i - centre + 0.5) * perReach)));
    const share = 1 / raw.reduce((total, weight) => total + weight, 0);
    return { start, weights: raw.map((weight) => Math.trunc(0.5 + weight * share * PRECISION)) };
  });
}

const toByte = (sum: number): number => Math.min(255, Math.floor(sum / PRECISION + 0.5));

/** Cover 0..1 of each low-resolution pixel, row by row; 0 in the padding. */
export function lowCover(rle: Rle, { size, resized, inputSize, lowSize }: Frame): Float32Array {
  const mask = bitmapOf(runsOf(rle));
  const lowSide = (side: number): number => Math.max(1, roundHalfEven((side * lowSize) / inputSize));
  const [rows, columns] = [tapsOf(size.height, lowSide(resized.height)), tapsOf(size.width, lowSide(resized.width))];
  const cover = new Float32Array(lowSize * lowSize);
  const line = new Float64Array(mask.width);
  rows.forEach(({ start, weights }, low) => {
    line.fill(0);
    weights.forEach((weight, i) => {
      const row = start + i - mask.y;
      if (row < 0 || row >= mask.height) return;
      for (let x = 0; x < mask.width; x++) line[x] = (line[x] ?? 0) + weight * (mask.bits[row * mask.width + x] ?? 0);
    });
    const bytes = line.map((sum) => toByte(255 * sum));
    columns.forEach(({ start: left, weights: across }, column) => {
      const sum = across.reduce((total, weight, i) => total + weight * (bytes[left + i - mask.x] ?? 0), 0);
      cover[low * lowSize + column] = toByte(sum) / 255;
    });
  });
  return cover;
}

/** Of a pixel that counts as inside. */
const COVERED = 0.4;

/** A point of the image deep inside a mask, as Frame.deep_inside of model_server/networks/frame.py; null without a mask. */
export function deepInside(cover: Float32Array, { size, resized, inputSize, lowSize }: Frame): { x: number; y: number } | null {
  const most = cover.reduce((one, other) => Math.max(one, other), 0);
  const least = Math.min(COVERED, Math.fround(0.99 * most));
  // Rows or columns to the outside, by eight neighbours: down from the top left, then up from the bottom right.
  const depth = Uint16Array.from(cover, (covered) => (covered > least ? lowSize : 0));
  const at = (row: number, column: number): number =>
    row < 0 || column < 0 || row >= lowSize || column >= lowSize ? 0 : (depth[row * lowSize + column] ?? 0);
  const relax = (i: number, sign: 1 | -1): void => {
    if (depth[i] === 0) return;
    const [row, column] = [Math.floor(i / lowSize), i % lowSize];
    const before = Math.min(at(row - sign, column - 1), at(row - sign, column), at(row - sign, column + 1), at(row, column - sign));
    depth[i] = Math.min(depth[i] ?? 0, before + 1);
  };
  for (let i = 0; i < depth.length; i++) relax(i, 1);
  for (let i = depth.length - 1; i >= 0; i--) relax(i, -1);
  const deepest = depth.reduce((best, value, i) => (value > (depth[best] ?? 0) ? i : best), 0);
  if (depth[deepest] === 0) return null;
  const lowPerInput = lowSize / inputSize;
  const [stepX, stepY] = [(resized.width / size.width) * lowPerInput, (resized.height / size.height) * lowPerInput];
  return { x: ((deepest % lowSize) + 0.5) / stepX, y: (Math.floor(deepest / lowSize) + 0.5) / stepY };
}

export const maskInputOf = (rle: Rle, frame: Frame): Float32Array =>
  lowCover(rle, frame).map((cover) => Math.fround(2 * cover - 1) * MASK_PROMPT_LOGIT);

/** Python's round. */
function roundHalfEven(value: number): number {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}
