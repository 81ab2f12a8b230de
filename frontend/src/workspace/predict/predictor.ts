// Prompts to masks: one interface for the server and the decoder in the browser (decoding.ts).
import type { Prompt } from "../../canvas/prompts";
import { type PredictOut, predict } from "../server";

export interface Answer {
  readonly where: "server" | "browser";
  /** A part of the photo that was encoded for itself made the mask. */
  readonly isCloser?: boolean;
  readonly modelVersion: string;
  /** In the model's order; up to three for a lone prompt. */
  readonly masks: PredictOut["masks"];
  /** From question to answer, as the person waited. */
  readonly milliseconds: number;
}

export interface Predictor {
  /** What the answers depend on besides the prompts; answers are remembered by it. */
  lookedAt?(): string;
  /** `modelVersion`: which model is to answer; null: the one that is live. */
  predict(imageId: number, prompts: readonly Prompt[], modelVersion: string | null, signal: AbortSignal): Promise<Answer>;
}

export const serverPredictor: Predictor = {
  async predict(imageId, prompts, modelVersion, signal) {
    const started = performance.now();
    const answer = await predict(imageId, [...prompts], modelVersion, signal);
    return { where: "server", modelVersion: answer.model_version, masks: answer.masks, milliseconds: performance.now() - started };
  },
};

/** Which mask of an answer is shown: the chosen one, else the one the model believes in most. */
export function shownIndex(answer: Answer, chosen: number | null): 0 | 1 | 2 {
  if (chosen !== null && chosen < answer.masks.length) return chosen as 0 | 1 | 2;
  let best = 0;
  answer.masks.forEach((mask, i) => {
    if (mask.predicted_iou > (answer.masks[best]?.predicted_iou ?? -Infinity)) best = i;
  });
  return best as 0 | 1 | 2;
}

export type ScoreWord = "good" | "fair" | "poor";

/** 0.88 is where SA-1B's automatic masks were cut off; below 0.7 a mask seldom helps. */
export function scoreWord(predictedIou: number): ScoreWord {
  return predictedIou >= 0.88 ? "good" : predictedIou >= 0.7 ? "fair" : "poor";
}
