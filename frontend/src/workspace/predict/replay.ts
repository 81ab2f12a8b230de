// All prompts of a mask, step by step, as model_server/predict.py replays them: prompt k is answered with the mask chosen
// after prompt k - 1 as mask input. Steps are remembered by prefix, so that as a rule only the last one is computed.
import type { Prompt } from "../../canvas/prompts";
import type { Frame, Rules } from "./description";
import { maskInputOf } from "./lowmask";
import { clickedParts } from "./parts";
import { answering, bestOf, type Outputs, placed, tokensOf } from "./rules";

export interface Inputs {
  readonly points: Float32Array;
  readonly labels: Float32Array;
  /** Logits of the mask before; null: there is none. */
  readonly maskInput: Float32Array | null;
}

/** The masks that answer one step, in the model's order. */
export interface Step {
  readonly logits: readonly Float32Array[];
  readonly predictedIou: readonly number[];
}

export interface Memo {
  find(key: string): Step | null;
  keep(key: string, step: Step): void;
}

interface ReplayParts {
  /** What tells this image and model from others. */
  readonly name: string;
  readonly frame: Frame;
  readonly rules: Rules;
  readonly memo: Memo;
  readonly run: (inputs: Inputs) => Promise<Outputs>;
}

export async function replay(prompts: readonly Prompt[], { name, frame, rules, memo, run }: ReplayParts): Promise<Step> {
  const keys = stepKeys(name, prompts);
  let done = prompts.length;
  let step: Step | null = null;
  while (step === null && done > 0) {
    step = memo.find(keys[done - 1] ?? "");
    if (step === null) done--;
  }
  for (; done < prompts.length; done++) {
    const given = prompts.slice(0, done + 1);
    const last = prompts[done];
    const before = prompts[done - 1];
    const previous = step === null || before === undefined ? null : chosenLogits(step, before);
    const maskInput = last?.type === "mask" ? maskInputOf(last.rle, frame) : previous;
    const shown = placed(given, frame);
    const outputs = await run({ ...tokensOf(shown, frame, rules), maskInput });
    step = pick(outputs, answering(shown, given.length, outputs, rules));
    if (rules.parts === "clicked") step = { ...step, logits: clickedParts(step.logits, given, frame) };
    memo.keep(keys[done] ?? "", step);
  }
  if (step === null) throw new Error("no prompts");
  return step;
}

/** One key for each step: all prompts up to it, with the choices made before it. */
function stepKeys(name: string, prompts: readonly Prompt[]): string[] {
  let prefix = name;
  return prompts.map((prompt) => {
    const { candidate, ...shape } = prompt;
    const key = `${prefix}|${JSON.stringify(shape)}`;
    prefix = `${key}:${candidate}`;
    return key;
  });
}

/** The mask the person went on with; another model may have fewer of them, then its own best. */
function chosenLogits({ logits, predictedIou }: Step, { candidate }: Prompt): Float32Array | null {
  return logits[candidate ?? -1] ?? logits[bestOf(predictedIou)] ?? null;
}

function pick({ logits, predictedIou }: Outputs, chosen: readonly number[]): Step {
  const size = logits.length / 4;
  return {
    logits: chosen.map((token) => logits.slice(token * size, (token + 1) * size)),
    predictedIou: chosen.map((token) => predictedIou[token] ?? 0),
  };
}

/** Steps of up to `limitBytes` of logits, the least recently used dropped. */
export function createMemo(limitBytes: number): Memo {
  const steps = new Map<string, Step>(); // oldest first
  let bytes = 0;
  const sizeOf = ({ logits }: Step): number => logits.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return {
    find(key) {
      const step = steps.get(key);
      if (step === undefined) return null;
      steps.delete(key);
      steps.set(key, step);
      return step;
    },
    keep(key, step) {
      if (steps.has(key) || sizeOf(step) > limitBytes) return;
      steps.set(key, step);
      bytes += sizeOf(step);
      for (const [oldest, old] of steps) {
        if (bytes <= limitBytes) break;
        steps.delete(oldest);
        bytes -= sizeOf(old);
      }
    },
  };
}
