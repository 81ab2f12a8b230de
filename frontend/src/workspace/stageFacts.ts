// What browser tests wait for and read: facts on the stage's element.
import { pixelsByHand } from "../canvas/document";
import type { Renderer } from "../canvas/render/renderer";
import { docOf, isShown, reviewIn, selectedMaskOf, shownOf, type WorkspaceState } from "./state";

export function reportFacts(element: HTMLElement, state: WorkspaceState, renderer: Renderer): void {
  const shown = shownOf(state);
  const doc = docOf(state);
  const isBusy = state.asked.state.kind === "asking" || state.isFinishing || !renderer.isSettled();
  const facts = {
    ready: isShown(state.phase) && state.isPictureSharp,
    busy: isBusy,
    image: state.work?.image.id ?? "",
    next: state.nextImageId ?? "",
    masks: doc.order.length,
    points: doc.draft.prompts.length,
    edited: pixelsByHand(doc) !== null,
    steps: state.history.past.length,
    proposals: reviewIn(state).left,
    selected: selectedMaskOf(state)?.number ?? "",
    candidates: shown?.isFresh ? shown.answer.masks.length : 0,
  };
  for (const [name, value] of Object.entries(facts)) {
    if (element.dataset[name] !== String(value)) element.dataset[name] = String(value);
  }
}
