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

export const maskInputOf = (rle: Rle, frame: Frame): Float32Array =>
  lowCover(rle, frame).map((cover) => Math.fround(2 * cover - 1) * MASK_PROMPT_LOGIT);

/** Python's round. */
function roundHalfEven(value: number): number {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}
