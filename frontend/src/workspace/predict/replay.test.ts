// Steps of a replay: what goes into each, and that none is computed twice.
import { expect, test } from "vitest";
import type { Candidate, Prompt } from "../../canvas/prompts";
import type { Frame, Rules } from "./description";
import { createMemo, type Inputs, replay } from "./replay";

const frame: Frame = { size: { width: 8, height: 8 }, resized: { width: 8, height: 8 }, inputSize: 8, lowSize: 2 };
const rules: Rules = { resize: "stretch", padding: { none: 2, points: 1, box: 1, both: 1 }, three_counts: "tokens", stability: null, parts: "all" };
const point = (x: number, candidate: Candidate = null): Prompt => ({ type: "point", x, y: 0, label: 1, candidate });

/** A decoder whose logits say which call and which token they are of. */
function recorded(limitBytes = 1e6) {
  const calls: Inputs[] = [];
  const memo = createMemo(limitBytes);
  const run = (inputs: Inputs) => {
    calls.push(inputs);
    const logits = Float32Array.from({ length: 16 }, (_, i) => 10 * calls.length + Math.floor(i / 4));
    return Promise.resolve({ logits, predictedIou: Float32Array.of(0, 0.2, 0.9, 0.4) });
  };
  return { calls, ask: (...prompts: Prompt[]) => replay(prompts, { name: "image", frame, rules, memo, run }) };
}

test("each step gets the mask chosen before; unchosen, the best", async () => {
  const { calls, ask } = recorded();
  await ask(point(1, 0), point(2), point(3));
  expect(calls.map(({ maskInput }) => maskInput?.[0] ?? null)).toEqual([null, 11, 20]);
  const other = recorded();
  await other.ask(point(1), point(2));
  expect(other.calls[1]?.maskInput?.[0]).toBe(12);
});

test("only what is new is computed, also after a step back; another choice is another way", async () => {
  const { calls, ask } = recorded();
  await ask(point(1));
  await ask(point(1), point(2));
  await ask(point(1));
  expect(calls.length).toBe(2);
  await ask(point(1, 2), point(2));
  expect(calls.length).toBe(3);
});

test("a mask prompt is where to start from, whatever came before", async () => {
  const { calls, ask } = recorded();
  const step = await ask(point(1), { type: "mask", rle: { size: [8, 8], counts: "0P2" }, candidate: null });
  expect([...(calls[1]?.maskInput ?? [])]).toEqual([10, 10, 10, 10]);
  expect(step.logits.length).toBe(3); // SAM 2 counts tokens, and a mask is none
});

test("the memory is bounded: what is long unused is computed again", async () => {
  const { calls, ask } = recorded(100); // two answers of three masks
  await ask(point(1));
  await ask(point(2));
  await ask(point(1));
  expect(calls.length).toBe(2);
  await ask(point(3)); // drops point 2
  await ask(point(1));
  await ask(point(2));
  expect(calls.length).toBe(4);
});
