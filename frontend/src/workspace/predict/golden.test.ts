// The page's decoder against what the model server makes of the same numbers (tests/golden/make_decoding.py).
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Prompt } from "../../canvas/prompts";
import { type Description, frameOf, type Rules } from "./description";
import { maskInputOf } from "./lowmask";
import { clickedParts } from "./parts";
import { answering, placed, tokensOf } from "./rules";
import { createUpsampler } from "./upsample";

interface Golden {
  image_size: number;
  low_size: number;
  rules: Record<string, Rules>;
  masks: {
    rules: string;
    size_hw: [number, number];
    logits: number[];
    rle: { size: number[]; counts: string };
    stability_score: number;
    area: number;
    bbox_xywh: number[];
  }[];
  prompts: {
    rules: string;
    size_hw: [number, number];
    prompts: Prompt[];
    points: number[];
    labels: number[];
    mask_input: number[] | null;
    logits: number[];
    predicted_iou: number[];
    answer: number[];
  }[];
  parts: { rules: string; size_hw: [number, number]; prompts: Prompt[]; logits: number[]; dropped: number[] }[];
}
const golden = JSON.parse(readFileSync("../tests/golden/decoding.json", "utf8")) as Golden;

const rulesNamed = (name: string): Rules => {
  const rules = golden.rules[name];
  if (rules === undefined) throw new Error(name);
  return rules;
};
const frameFor = (name: string, size_hw: [number, number]) =>
  frameOf(size_hw, { image_size: golden.image_size, low_size: golden.low_size, rules: rulesNamed(name) } as Description);

describe.each(golden.masks.map((one, number) => ({ ...one, number })))("mask $number: $rules, $size_hw", (one) => {
  it("has the server's pixels, area, box and stability", () => {
    const upsampler = createUpsampler(frameFor(one.rules, one.size_hw));
    const { rle, area, bbox_xywh, stability_score } = upsampler.mask(Float32Array.from(one.logits));
    expect({ rle, area, bbox_xywh }).toEqual({ rle: one.rle, area: one.area, bbox_xywh: one.bbox_xywh });
    expect(stability_score).toBeCloseTo(one.stability_score, 12);
    expect(upsampler.outline(Float32Array.from(one.logits))).toEqual(one.rle);
  });
});

describe.each(golden.prompts.map((one, number) => ({ ...one, number })))("prompts $number: $rules, $size_hw", (one) => {
  const frame = frameFor(one.rules, one.size_hw);
  const rules = rulesNamed(one.rules);

  it("become the server's tokens", () => {
    const { points, labels } = tokensOf(placed(one.prompts, frame), frame, rules);
    expect([[...points], [...labels]]).toEqual([one.points, one.labels]);
  });

  it("are answered by the server's choice of masks", () => {
    const outputs = { logits: Float32Array.from(one.logits), predictedIou: Float32Array.from(one.predicted_iou) };
    expect(answering(placed(one.prompts, frame), one.prompts.length, outputs, rules)).toEqual(one.answer);
  });
});

const withMask = golden.prompts.filter(({ mask_input }) => mask_input !== null);

it.each(withMask)("the mask prompt on $size_hw by $rules is the server's mask input", ({ rules, size_hw, prompts, mask_input }) => {
  const last = prompts.at(-1);
  if (last?.type !== "mask") throw new Error("no mask");
  const input = maskInputOf(last.rle, frameFor(rules, size_hw));
  const gaps = (mask_input ?? []).map((value, i) => Math.abs(value - (input[i] ?? NaN)));
  expect(Math.max(...gaps)).toBeLessThan(20 / 255 + 1e-5); // of -10 to 10: a tie may round the other way in 8 bits
});

it.each(golden.parts.map((one, number) => ({ ...one, number })))("parts $number: what was not clicked is dropped as by the server", (one) => {
  const [meant] = clickedParts([Float32Array.from(one.logits)], one.prompts, frameFor(one.rules, one.size_hw));
  const dropped = new Set(one.dropped);
  expect([...(meant ?? [])]).toEqual(one.logits.map((logit, i) => (dropped.has(i) ? -1 : logit)));
});
