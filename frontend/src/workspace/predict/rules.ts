// Which tokens go into the decoder and which of its four masks answer: model_server/export_onnx/rules.py, number by number.
import type { Rle } from "../../canvas/masks/rle";
import type { Prompt } from "../../canvas/prompts";
import type { Frame, Rules } from "./description";
import { deepInside, lowCover } from "./lowmask";

const PADDING = -1;
const CORNERS = [2, 3] as const;
const THREE_TOKENS = [1, 2, 3] as const;

export interface Tokens {
  /** x, y of each token in input pixels. */
  readonly points: Float32Array;
  /** 1 and 0 points, 2 and 3 a box's corners, -1 padding. */
  readonly labels: Float32Array;
}

/** A mask that comes first is joined by a point inside it, as model_server/answers.py does and says why. */
export function placed(prompts: readonly Prompt[], frame: Frame): readonly Prompt[] {
  if (prompts[0]?.type !== "mask") return prompts;
  const last = prompts.findLast((prompt) => prompt.type === "mask");
  const place = last === undefined ? null : placeIn(last.rle, frame);
  return place === null ? prompts : [{ type: "point", ...place, label: 1, candidate: null }, ...prompts];
}

/** The last mask's of each frame: every look under the pointer asks again, and large masks take a while. */
const places = new WeakMap<Frame, { counts: string; place: ReturnType<typeof deepInside> }>();

function placeIn(rle: Rle, frame: Frame): ReturnType<typeof deepInside> {
  const known = places.get(frame);
  if (known?.counts === rle.counts) return known.place;
  const place = deepInside(lowCover(rle, frame), frame);
  places.set(frame, { counts: rle.counts, place });
  return place;
}

/** Points, then the box's corners, then padding. `prompts` as `placed` gives them. */
export function tokensOf(prompts: readonly Prompt[], frame: Frame, rules: Rules): Tokens {
  const [ratioX, ratioY] = [frame.resized.width / frame.size.width, frame.resized.height / frame.size.height];
  const toInput = (x: number, y: number): [number, number] => [Math.fround(x) * ratioX, Math.fround(y) * ratioY];
  const points = prompts.filter((prompt) => prompt.type === "point");
  const box = prompts.find((prompt) => prompt.type === "box");
  const places = points.map(({ x, y }) => toInput(x, y));
  const labels: number[] = points.map(({ label }) => label);
  if (box !== undefined) {
    places.push(toInput(box.x1, box.y1), toInput(box.x2, box.y2));
    labels.push(...CORNERS);
  }
  const kind = box !== undefined ? (points.length > 0 ? "both" : "box") : points.length > 0 ? "points" : "none";
  for (let i = 0; i < rules.padding[kind]; i++) {
    places.push([0, 0]);
    labels.push(PADDING);
  }
  return { points: Float32Array.from(places.flat()), labels: Float32Array.from(labels) };
}

/** The four masks' logits, one after the other, and the network's own estimates. */
export interface Outputs {
  readonly logits: Float32Array;
  readonly predictedIou: Float32Array;
}

/** Which of the four masks answer these prompts, as `placed` gives them, `given` of them by the person. */
export function answering(prompts: readonly Prompt[], given: number, { logits, predictedIou }: Outputs, rules: Rules): readonly number[] {
  const tokens = prompts.reduce((sum, { type }) => sum + (type === "point" ? 1 : type === "box" ? 2 : 0), 0);
  if ((rules.three_counts === "prompts" ? given : tokens) <= 1) return THREE_TOKENS;
  if (rules.stability === null) return [0];
  const { delta, threshold } = rules.stability;
  let [sure, perhaps] = [0, 0];
  for (const logit of logits.subarray(0, logits.length / 4)) {
    if (logit > delta) sure++;
    if (logit > -delta) perhaps++;
  }
  return perhaps > 0 && sure / perhaps < threshold ? [1 + bestOf(predictedIou.subarray(1))] : [0];
}

/** The first of the largest. */
export function bestOf(scores: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if ((scores[i] ?? 0) > (scores[best] ?? 0)) best = i;
  return best;
}
