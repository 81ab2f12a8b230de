// What a person points at, as it travels and as it is drawn.
import type { Rle } from "./masks/rle";

/** Which of the masks answered to this prompt was chosen when the next prompt came; null: the best by predicted IoU. */
export type Candidate = 0 | 1 | 2 | null;

export interface PointPrompt {
  readonly type: "point";
  readonly x: number;
  readonly y: number;
  readonly label: 0 | 1;
  readonly candidate: Candidate;
}

export interface BoxPrompt {
  readonly type: "box";
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly candidate: Candidate;
}

export interface MaskPrompt {
  readonly type: "mask";
  readonly rle: Rle;
  readonly candidate: Candidate;
}

export type Prompt = PointPrompt | BoxPrompt | MaskPrompt;
