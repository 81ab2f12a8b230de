// Strokes on their way into a mask: drawn while the hand moves, and on until the mask's new picture has come.
import type { Renderer } from "../canvas/render/renderer";
import { ACCENT } from "../canvas/render/palette";
import type { SceneStroke, SettlingStroke } from "../canvas/render/scene";
import type { Gesture, Stroke } from "../canvas/tools/gesture";
import { strokeOf } from "../canvas/tools/painting";
import type { Editing } from "./editing";
import { colourOf, docOf, draftRleOf, selectedMaskOf, type Store } from "./state";

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

export function createStrokes(store: Store, renderer: Renderer): Strokes {
  let shown: { stroke: Stroke; drawn: SceneStroke } | null = null;
  let settling: readonly SettlingStroke[] = [];

  const colour = (): SceneStroke["colour"] => {
    const state = store.getState();
    const mask = docOf(state).draft.prompts.length > 0 ? null : selectedMaskOf(state);
    return mask === null ? ACCENT : colourOf(mask, state.categories);
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
      else if (shown?.stroke !== stroke) shown = { stroke, drawn: { ...stroke, colour: shown?.drawn.colour ?? colour() } };
      renderer.update({ stroke: shown?.drawn ?? null });
    },
    findTarget({ path }, editing) {
      const state = store.getState();
      const [at] = path;
      const isChosen = docOf(state).draft.prompts.length > 0 || selectedMaskOf(state) !== null;
      if (!isChosen && at !== undefined) editing.selectAt(at);
    },
    settle(stroke, change) {
      const drawn = { ...stroke, colour: shown?.drawn.colour ?? colour() };
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
