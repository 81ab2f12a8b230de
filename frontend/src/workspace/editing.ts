// What a person does to the document: the parts of it, undo and redo, and what comes back after a reload.
import { type Bounds, differences, type Draft, type MaskId, masksOf, type Op } from "../canvas/document";
import { amend, amendAlways, type History, redo, redoLabel, undo, undoLabel } from "../canvas/history";
import { regionOf } from "../canvas/masks/regions";
import { contains } from "../canvas/masks/rle";
import type { ImagePoint } from "../canvas/geometry";
import { words } from "../words/workspace";
import { createDeciding, type Deciding } from "./deciding";
import { createDesk } from "./desk";
import { NO_EFFORT, resumed, secondsAt, touch, withoutResumed } from "./effort";
import { maskOfAnnotation } from "./masks";
import { createPixelEditing, type PixelEditing } from "./pixelEditing";
import type { Asker } from "./predict/asker";
import { createPrompting, isUntouched, type Prompting } from "./prompting";
import { createSaying, type Saying } from "./saying";
import type { OutboxRecord } from "./save/database";
import type { Outbox } from "./save/outbox";
import type { Annotation } from "./server";
import { isBelow } from "./review";
import { docOf, reviewIn, selectedMaskOf, type Store } from "./state";

export interface Editing extends Prompting, Deciding, PixelEditing, Saying {
  /** Keeps the mask being made; with none, accepts the selected proposal. */
  keep(): void;
  /** Accepts the selected proposal; a mask that is being made is kept first. */
  accept(): void;
  undo(): void;
  redo(): void;
  /** `isAdding`: beside what is selected already; a second time takes it out again. */
  selectAt(at: ImagePoint, isAdding?: boolean): void;
  selectAlso(id: MaskId): void;
  setCategory(categoryId: number | null): void;
  /** Brings back what was being made before a reload. */
  resume(draft: Draft, clicks: number, activeSeconds: number): void;
  /** A refused change is given up: what stands on the server is shown; null: nothing does. */
  acceptRefusal(record: OutboxRecord, standing: Annotation | null): void;
  touch(): void;
}

export function createEditing(store: Store, parts: { outbox: Outbox; asker: Asker }): Editing {
  const desk = createDesk(store, parts);
  const { set, step, move, hasDraft, now } = desk;
  const prompting = createPrompting(desk);
  const deciding = createDeciding(desk);

  const keep = (): void => {
    if (!hasDraft()) return deciding.acceptSelected();
    if (!isUntouched(store.getState())) return prompting.keepDraft();
    const { base, flags } = docOf(store.getState()).draft;
    prompting.clearDraft();
    if (base !== null && flags !== undefined) step({ kind: "setFlags", id: base, flags }, words.steps.flag);
    deciding.acceptSelected();
  };

  /** Undo and redo. When a mask's prompts come back, so does what they have cost; a proposal that comes back is looked at. */
  const travel = (next: History, announcement: string): void => {
    const before = store.getState();
    const { added, removed, changed } = differences(docOf(before), next.now);
    const { draft } = next.now;
    const isReopened = docOf(before).draft.prompts.length === 0 && draft.prompts.length > 0;
    const reopened = !isReopened ? undefined : draft.base === null ? removed.at(0) : docOf(before).masks[draft.base];
    const isClosed = docOf(before).draft.prompts.length > 0 && draft.prompts.length === 0;
    const isKept = isClosed && added.length + changed.length > 0;
    const going = isKept ? NO_EFFORT : isClosed ? withoutResumed(before.effort) : before.effort;
    const effort =
      reopened === undefined
        ? touch(going, now())
        : resumed(reopened.evidence.clicks, reopened.evidence.activeSeconds, now());
    const back = new Set([...added, ...changed].filter((mask) => mask.state === "proposed").map((mask) => mask.id));
    move(next, { effort, announcement });
    const first = reviewIn(store.getState()).ids.find((id) => back.has(id));
    if (first !== undefined && draft.prompts.length === 0) set({ selectedId: first });
  };

  const selectAlso = (id: MaskId): void => {
    const { selectedId, alsoSelected } = store.getState();
    if (selectedId === null || hasDraft()) return deciding.select(id);
    const isOut = id === selectedId || alsoSelected.includes(id);
    const ids = isOut ? [selectedId, ...alsoSelected].filter((other) => other !== id) : [selectedId, ...alsoSelected, id];
    const [first = null, ...also] = ids;
    set({ selectedId: first, alsoSelected: also });
  };

  return {
    ...prompting,
    ...deciding,
    ...createPixelEditing(desk),
    ...createSaying(desk),
    keep,
    accept: () => (hasDraft() ? keep() : deciding.acceptSelected()),
    undo() {
      const { history } = store.getState();
      const label = undoLabel(history);
      if (label === null) set({ announcement: words.announce.nothingToUndo });
      else travel(undo(history), words.announce.undone(label));
    },
    redo() {
      const { history } = store.getState();
      const label = redoLabel(history);
      if (label === null) set({ announcement: words.announce.nothingToRedo });
      else travel(redo(history), words.announce.redone(label));
    },
    selectAt(at, isAdding = false) {
      const { minIou } = store.getState();
      const hit = masksOf(docOf(store.getState()))
        .filter((mask) => !isBelow(mask, minIou) && isInBounds(at, mask.bounds) && contains(regionOf(mask.rle), at.x, at.y))
        .sort((a, b) => a.area - b.area)[0];
      if (!isAdding) deciding.select(hit?.id ?? null);
      else if (hit !== undefined) selectAlso(hit.id);
    },
    selectAlso,
    setCategory(categoryId) {
      const mask = selectedMaskOf(store.getState());
      if (mask === null) set({ newCategoryId: categoryId });
      else if (mask.state === "accepted") step({ kind: "setCategory", id: mask.id, categoryId }, words.steps.category);
      else {
        const activeSeconds = secondsAt(store.getState().effort, now());
        step({ kind: "setCategory", id: mask.id, categoryId, activeSeconds }, words.steps.category, desk.decided(words.announce.accepted(mask.number)));
      }
    },
    resume(draft, clicks, activeSeconds) {
      // Drafts of earlier versions of the page know nothing of pixels changed by hand.
      const whole = { ...draft, answered: draft.answered ?? null };
      const history = amend(store.getState().history, { kind: "restoreDraft", draft: whole });
      move(history, { effort: resumed(clicks, activeSeconds, now()), notice: words.notice.resumed });
    },
    acceptRefusal({ maskId, imageId }, standing) {
      const { history, work } = store.getState();
      if (work?.image.id !== imageId) return;
      // Loading also brings back a mask whose deletion was refused.
      const isStanding = standing?.state === "accepted" || standing?.state === "proposed";
      const op: Op = isStanding
        ? { kind: "load", masks: [maskOfAnnotation(standing, maskId)] }
        : { kind: "remove", id: maskId };
      set({ history: amendAlways(history, op) });
    },
    touch() {
      set({ effort: touch(store.getState().effort, now()) });
    },
  };
}

function isInBounds({ x, y }: ImagePoint, bounds: Bounds): boolean {
  return x >= bounds.x && y >= bounds.y && x < bounds.x + bounds.width && y < bounds.y + bounds.height;
}
