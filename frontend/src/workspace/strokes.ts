// Strokes on their way into a mask: drawn while the hand moves, and on until the mask's new picture has come.
import type { Renderer } from "../canvas/render/renderer";
import { ACCENT } from "../canvas/render/palette";
import type { SceneLasso, SceneStroke, SettlingStroke } from "../canvas/render/scene";
import type { Limits } from "../canvas/render/stencil";
import type { Gesture, Stroke } from "../canvas/tools/gesture";
import { lassoLineOf } from "../canvas/tools/lasso";
import { strokeOf } from "../canvas/tools/painting";
import type { Editing } from "./editing";
import { allowedOf, changedMaskOf } from "./rules";
import { colourOf, docOf, draftRleOf, selectedMaskOf, type Store, type WorkspaceState } from "./state";

export interface Strokes {
  show(gesture: Gesture): void;
  /** The eraser works on the mask under it when none is chosen. */
  findTarget(stroke: Stroke, editing: Editing): void;
  /** `change` makes the stroke part of its mask. */
  settle(stroke: Stroke, change: () => void): void;
  /** The document has changed: what it no longer holds is not drawn either. */
  sync(): void;
  /** Every picture is current. */
  forget(): void;
}

/** What the rules let a stroke or a lasso touch; null: everything. */
function limitsOf(state: WorkspaceState, erases: boolean): Limits | null {
  const { inside, spared } = allowedOf(state, changedMaskOf(state, !erases)?.id ?? null);
  const kept = erases ? [] : spared;
  return inside === null && kept.length === 0 ? null : { inside: inside?.rle ?? null, spared: kept.map(({ rle }) => rle) };
}

export function createStrokes(store: Store, renderer: Renderer): Strokes {
  let shown: { stroke: Stroke; drawn: SceneStroke } | null = null;
  let settling: readonly SettlingStroke[] = [];
  // As they were when its line was begun: made once, so that they are cut out once.
  let lassoLimits: { readonly limits: Limits | null } | null = null;

  const beginning = ({ erases }: Pick<Stroke, "erases">): Pick<SceneStroke, "colour" | "limits"> => {
    const state = store.getState();
    const mask = changedMaskOf(state, !erases);
    return { colour: mask === null ? ACCENT : colourOf(mask, state.categories), limits: limitsOf(state, erases) };
  };
  /** The pixels that a stroke changes. */
  const countsNow = (): string | undefined => {
    const state = store.getState();
    return (draftRleOf(state) ?? selectedMaskOf(state)?.rle)?.counts;
  };
  const setSettling = (next: readonly SettlingStroke[]): void => {
    settling = next;
    renderer.update({ settling });
  };

  return {
    show(gesture) {
      const stroke = strokeOf(gesture);
      if (stroke === null) shown = null;
      else if (shown?.stroke !== stroke) {
        const { colour, limits } = shown?.drawn ?? beginning(stroke);
        shown = { stroke, drawn: { ...stroke, colour, limits } };
      }
      const line = lassoLineOf(gesture);
      if (line === null) lassoLimits = null;
      else lassoLimits ??= { limits: limitsOf(store.getState(), line.erases) };
      const lasso: SceneLasso | null = line === null ? null : { ...line, limits: lassoLimits?.limits ?? null };
      renderer.update({ stroke: shown?.drawn ?? null, lasso });
    },
    findTarget({ path }, editing) {
      const state = store.getState();
      const [at] = path;
      const isChosen = docOf(state).draft.prompts.length > 0 || selectedMaskOf(state) !== null;
      if (!isChosen && at !== undefined) editing.selectAt(at);
    },
    settle(stroke, change) {
      const { colour, limits } = shown?.drawn ?? beginning(stroke);
      const drawn = { ...stroke, colour, limits };
      const before = settling.at(-1)?.leadsTo === countsNow() ? settling : [];
      change();
      const leadsTo = countsNow();
      if (leadsTo !== undefined) setSettling([...before, { ...drawn, leadsTo }]);
    },
    sync() {
      if (settling.length > 0 && settling.at(-1)?.leadsTo !== countsNow()) setSettling([]);
    },
    forget() {
      if (settling.length > 0 && renderer.isSettled()) setSettling([]);
    },
  };
}
