import { expect, test } from "vitest";
import { nextStep, type TourFacts, type TourStep } from "./tour";

const facts = (change: Partial<TourFacts> = {}): TourFacts => ({ imageId: 1, prompts: 0, kept: 0, undone: 0, ...change });

function walk(...states: Partial<TourFacts>[]): (TourStep | null)[] {
  let [step, before]: [TourStep | null, TourFacts] = ["click", facts()];
  return states.map((change) => {
    const now = facts(change);
    step = step === null ? null : nextStep(step, before, now);
    before = now;
    return step;
  });
}

test("each step is done by doing it", () => {
  expect(walk({ prompts: 1 }, { prompts: 2 }, { kept: 1 }, { prompts: 2, undone: 1 }, { kept: 1 }, { imageId: null }, { imageId: 2 })).toEqual([
    "correct", "keep", "undo", "finish", "finish", null, null,
  ]);
});

test("who keeps the mask at once needs no correction; taking a point back does not go back", () => {
  expect(walk({ prompts: 1 }, { kept: 1 })).toEqual(["correct", "undo"]);
  expect(walk({ prompts: 1 }, {}, { prompts: 1 })).toEqual(["correct", "correct", "keep"]);
});

test("who finishes without trying undo has seen the rest", () => {
  expect(walk({ prompts: 1 }, { kept: 1 }, { imageId: 2 })).toEqual(["correct", "undo", null]);
});

test("another photo in between ends nothing", () => {
  expect(walk({ prompts: 1 }, { imageId: null }, { imageId: 2 }, { imageId: 2, prompts: 1 })).toEqual(["correct", "correct", "correct", "keep"]);
});
