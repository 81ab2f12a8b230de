// The two painting rules: what a change by hand may touch.
import { type Mask, type MaskId, masksOf } from "../canvas/document";
import { isBelow } from "./review";
import { docOf, selectedMaskOf, type WorkspaceState } from "./state";

export interface Allowed {
  /** What lies outside this mask stays as it is. */
  readonly inside: Mask | null;
  /** What they cover is not added to another. */
  readonly spared: readonly Mask[];
}

/** The mask whose pixels a change is made to; null: the draft's, or those of one that is begun. */
export function changedMaskOf(state: WorkspaceState, begins: boolean): Mask | null {
  if (docOf(state).draft.prompts.length > 0) return null;
  // Inside a mask there is nothing to add to it: a new one is begun.
  return begins && state.toolSettings.isInsideOnly ? null : selectedMaskOf(state);
}

/** All other masks that are shown, but for the one being refined. */
export function othersOf(state: WorkspaceState, exceptId: MaskId | null): Mask[] {
  const doc = docOf(state);
  return masksOf(doc).filter((mask) => mask.id !== exceptId && mask.id !== doc.draft.base && !isBelow(mask, state.minIou));
}

export function allowedOf(state: WorkspaceState, changedId: MaskId | null): Allowed {
  const { isInsideOnly, sparesOthers } = state.toolSettings;
  return {
    inside: isInsideOnly ? selectedMaskOf(state) : null,
    spared: sparesOthers ? othersOf(state, changedId ?? (isInsideOnly ? state.selectedId : null)) : [],
  };
}
