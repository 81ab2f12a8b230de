// From low-resolution logits to a mask at the image's resolution, without making the full-size logits: as
// model_server/networks/upsample.py, in the same single precision, so that both draw the same pixels. Along one image
// column the upsampled logits are linear between two low rows, so each such stretch turns at most once.
import { areaOf, boundsOf, encodeCounts, type Rle } from "../../canvas/masks/rle";
import type { Frame } from "./description";

const MASK_THRESHOLD = 0;
const STABILITY_OFFSET = 1;

export interface Mask {
  rle: Rle;
  /** Area of the surer threshold over that of the less sure one. */
  stability_score: number;
  area: number;
  bbox_xywh: [number, number, number, number];
}

/** Pixel i mixes low[first[i]] and low[first[i] + 1] by weight[i]; starts[j] is the first pixel with first >= j. */
interface Axis {
  readonly first: Int32Array;
  readonly weight: Float32Array;
  readonly starts: Int32Array;
  readonly lowCount: number;
}

function axisOf(pixels: number, lowStep: number, lowCount: number): Axis {
  const [first, weight] = [new Int32Array(pixels), new Float32Array(pixels)];
  const starts = new Int32Array(lowCount + 1).fill(pixels);
  const step = Math.fround(lowStep);
  for (let i = 0; i < pixels; i++) {
    const position = Math.fround(Math.fround(Math.fround(i + 0.5) * step) - 0.5);
    const clamped = Math.min(Math.max(position, 0), lowCount - 1);
    const low = Math.trunc(clamped);
    first[i] = low;
    weight[i] = clamped - low;
    for (let j = low; j >= 0 && starts[j] === pixels; j--) starts[j] = i;
  }
  return { first, weight, starts, lowCount };
}

const mix = (from: number, to: number, weight: number): number =>
  Math.fround(Math.fround(from * Math.fround(1 - weight)) + Math.fround(to * weight));

export interface Upsampler {
  /** Where `logits > threshold` turns, for each threshold: column-major positions, rising. */
  changes(logits: Float32Array, thresholds: readonly number[]): number[][];
  /** The mask of one candidate's logits, row by row. */
  mask(logits: Float32Array): Mask;
  /** The mask alone, three times as fast. */
  outline(logits: Float32Array): Rle;
}

/** The tables are made once for all masks of an image. */
export function createUpsampler({ size: { width, height }, resized, inputSize, lowSize }: Frame): Upsampler {
  const lowPerInput = lowSize / inputSize;
  const lowStepY = (resized.height / height) * lowPerInput;
  const rows = axisOf(height, lowStepY, lowSize);
  const columns = axisOf(width, (resized.width / width) * lowPerInput, lowSize);
  const lowRows = Math.min((rows.first[height - 1] ?? 0) + 1, lowSize - 1) + 1; // rows below are padding

  const columnMaxima = (logits: Float32Array): Float32Array => {
    const maxima = new Float32Array(lowSize).fill(-Infinity);
    for (let row = 0; row < lowRows; row++) {
      for (let column = 0; column < lowSize; column++) {
        const logit = logits[row * lowSize + column] ?? 0;
        if (logit > (maxima[column] ?? 0)) maxima[column] = logit;
      }
    }
    return maxima;
  };

  /** The first row after the turn from `upper` at `low` to `lower` at the low row below. */
  const crossing = (low: number, upper: number, lower: number, threshold: number): number => {
    const [start, end] = [rows.starts[low] ?? 0, rows.starts[low + 1] ?? 0];
    const hasTurned = (row: number): boolean =>
      mix(upper, lower, rows.weight[Math.min(Math.max(row, 0), height - 1)] ?? 0) > threshold !== upper > threshold;
    // Where the line meets the threshold, turned into a row; rounding can put it one row off.
    const meeting = (low + (threshold - upper) / (lower - upper) + 0.5) / lowStepY - 0.5;
    let row = Math.min(Math.max(Math.floor(meeting) + 1, start), end);
    if (row > start && hasTurned(row - 1)) row--;
    if (row < end && !hasTurned(row)) row++;
    return row;
  };

  const changes = (logits: Float32Array, thresholds: readonly number[]): number[][] => {
    const lowest = Math.min(...thresholds);
    const maxima = columnMaxima(logits);
    const column = new Float32Array(lowRows);
    const found = thresholds.map((): number[] => []);
    for (let x = 0; x < width; x++) {
      const left = columns.first[x] ?? 0;
      const right = Math.min(left + 1, lowSize - 1);
      if (!((maxima[left] ?? 0) > lowest || (maxima[right] ?? 0) > lowest)) continue;
      const weight = columns.weight[x] ?? 0;
      for (let row = 0; row < lowRows; row++) {
        column[row] = mix(logits[row * lowSize + left] ?? 0, logits[row * lowSize + right] ?? 0, weight);
      }
      thresholds.forEach((threshold, i) => {
        const positions = found[i] ?? [];
        // Two turns between the same pixels are none, and adjoining columns join.
        const turn = (row: number): void => {
          const position = x * height + row;
          if (positions.at(-1) === position) positions.pop();
          else positions.push(position);
        };
        let upper = column[0] ?? 0;
        if (upper > threshold) turn(0);
        for (let row = 1; row < lowRows; row++) {
          const lower = column[row] ?? 0;
          if (upper > threshold !== lower > threshold) turn(crossing(row - 1, upper, lower, threshold));
          upper = lower;
        }
        if (upper > threshold) turn(height);
      });
    }
    for (const positions of found) if (positions.at(-1) === width * height) positions.pop();
    return found;
  };

  const describe = (positions: readonly number[]) => {
    const ends = Uint32Array.from([...positions, width * height]);
    const counts = ends.map((end, i) => end - (i === 0 ? 0 : (ends[i - 1] ?? 0)));
    return { rle: { size: [height, width], counts: encodeCounts(counts) }, runs: { width, height, ends } };
  };
  const areaOfChanges = (positions: readonly number[]): number => areaOf(describe(positions).runs);

  return {
    changes,
    mask(logits) {
      const [at, sure, perhaps] = changes(logits, [MASK_THRESHOLD, MASK_THRESHOLD + STABILITY_OFFSET, MASK_THRESHOLD - STABILITY_OFFSET]);
      const { rle, runs } = describe(at ?? []);
      const { x, y, width: boxWidth, height: boxHeight } = boundsOf(runs);
      const perhapsArea = areaOfChanges(perhaps ?? []);
      return {
        rle,
        stability_score: perhapsArea > 0 ? areaOfChanges(sure ?? []) / perhapsArea : 0,
        area: areaOf(runs),
        bbox_xywh: [x, y, boxWidth, boxHeight],
      };
    },
    outline: (logits) => describe(changes(logits, [MASK_THRESHOLD])[0] ?? []).rle,
  };
}
