// The first minute: five things, each done on the open photo. What was done is seen from what the workspace knows.
import { masksOf } from "../canvas/document";
import { docOf, type WorkspaceState } from "./state";

export const TOUR = ["click", "correct", "keep", "undo", "finish"] as const;
export type TourStep = (typeof TOUR)[number];

/** What of the workspace the tour goes by. */
export interface TourFacts {
  readonly imageId: number | null;
  readonly prompts: number;
  readonly kept: number;
  readonly undone: number;
}

export function tourFactsOf(state: WorkspaceState): TourFacts {
  const doc = docOf(state);
  return {
    imageId: state.phase.kind === "working" ? (state.work?.image.id ?? null) : null,
    prompts: doc.draft.prompts.length,
    kept: masksOf(doc).filter((mask) => mask.state === "accepted").length,
    undone: state.history.future.length,
  };
}

/** The step after this change; null: the tour is over. Who is ahead of it is not held up. */
export function nextStep(step: TourStep, before: TourFacts, now: TourFacts): TourStep | null {
  if (now.imageId !== before.imageId) return before.imageId !== null && (step === "finish" || step === "undo") ? null : step;
  if (now.imageId === null) return step;
  if (step === "click" && now.prompts > 0) return "correct";
  const isKept = now.kept > before.kept;
  if ((step === "click" || step === "correct" || step === "keep") && isKept) return "undo";
  if (step === "correct" && now.prompts > before.prompts) return "keep";
  if (step === "undo" && now.undone > before.undone) return "finish";
  return step;
}
