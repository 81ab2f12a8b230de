// What a person does to the document: prompts, keep, delete, undo. Each change is compared with what was there before,
// and the difference is saved; so undo and redo reach the server like everything else.
import { type Bounds, differences, type Draft, type MaskId, masksOf, type Op } from "../canvas/document";
import { amend, amendAlways, commit, type History, redo, redoLabel, undo, undoLabel } from "../canvas/history";
import { contains, runsOf } from "../canvas/masks/rle";
import type { ImagePoint } from "../canvas/geometry";
import type { Candidate, Prompt } from "../canvas/prompts";
import { messageOf } from "../api/errors";
import { addClick, NO_EFFORT, resumed, secondsAt, touch } from "./effort";
import { boundsOfBox, maskOfAnnotation, wantedMask } from "./masks";
import type { Asker } from "./predict/asker";
import type { OutboxRecord } from "./save/database";
import type { Outbox } from "./save/outbox";
import type { Annotation } from "./server";
import { docOf, type Store, shownOf, type WorkspaceState } from "./state";
import { strings } from "./strings";
import { randomUuid } from "./uuid";

export interface Editing {
  addPrompt(prompt: Prompt): void;
  takeBackPrompt(): void;
  clearDraft(): void;
  choose(candidate: number): void;
  keep(): void;
  undo(): void;
  redo(): void;
  select(id: MaskId | null): void;
  selectAt(at: ImagePoint): void;
  remove(id: MaskId | null): void;
  setCategory(categoryId: number | null): void;
  /** Brings back what was being made before a reload. */
  resume(draft: Draft, clicks: number, activeSeconds: number): void;
  /** A refused change is given up: what stands on the server is shown; null: nothing does. */
  acceptRefusal(record: OutboxRecord, standing: Annotation | null): void;
  touch(): void;
}

export function createEditing(store: Store, { outbox, asker }: { outbox: Outbox; asker: Asker }): Editing {
  const now = (): number => performance.now();
  const set = (change: Partial<WorkspaceState>): void => store.setState(change);

  const save = (before: WorkspaceState, after: History): void => {
    const { work } = before;
    if (work === null) return;
    const { added, removed, changed } = differences(docOf(before), after.now);
    const saving = [
      ...[...added, ...changed].map((mask) => outbox.keep(wantedMask(mask, work))),
      ...removed.map((mask) => outbox.remove(wantedMask(mask, work))),
    ];
    void Promise.all(saving).catch((error: unknown) => set({ notice: strings.notice.storage(messageOf(error)) }));
  };

  /** The one way to another document. */
  const move = (history: History, change: Partial<WorkspaceState> = {}): void => {
    const before = store.getState();
    if (before.phase.kind !== "working" || history === before.history) return;
    save(before, history);
    const selectedId = before.selectedId !== null && before.selectedId in history.now.masks ? before.selectedId : null;
    set({ history, selectedId, notice: null, ...change });
    if (before.work !== null) asker.ask(before.work.image.id, history.now.draft.prompts);
  };

  const step = (op: Op, label: string, change?: Partial<WorkspaceState>): void =>
    move(commit(store.getState().history, op, label), change);

  const shownCandidate = (): Candidate => {
    const shown = shownOf(store.getState());
    return shown?.isFresh && shown.answer.masks.length > 1 ? shown.index : null;
  };

  const keep = (): void => {
    const state = store.getState();
    const { draft } = docOf(state);
    if (draft.prompts.length === 0) return;
    const shown = shownOf(state);
    if (shown === null || !shown.isFresh) return set({ notice: strings.notice.stillComing });
    const { mask, answer } = shown;
    if (mask.area === 0) return set({ notice: strings.notice.emptyMask });
    const number = docOf(state).nextNumber;
    const candidate = shownCandidate();
    const evidence = {
      prompts: draft.prompts.map((prompt, i) => (i === draft.prompts.length - 1 ? { ...prompt, candidate } : prompt)),
      clicks: state.effort.clicks,
      activeSeconds: secondsAt(state.effort, now()),
      modelVersion: answer.modelVersion,
      candidate,
      proposal: { rle: mask.rle, predicted_iou: mask.predicted_iou, stability_score: mask.stability_score },
    };
    const pixels = { rle: mask.rle, area: mask.area, bounds: boundsOfBox(mask.bbox_xywh) };
    const kept = { id: randomUuid(), ...pixels, state: "accepted" as const, categoryId: state.newCategoryId, evidence };
    step({ kind: "keep", mask: kept }, strings.steps.keep, {
      effort: touch(NO_EFFORT, now()),
      announcement: strings.announce.kept(number, mask.area),
    });
  };

  /** Undo and redo. When a mask's prompts come back, so does what they have cost. */
  const travel = (next: History, announcement: string): void => {
    const before = store.getState();
    const reopened = next.now.draft.prompts.length > 0 ? differences(docOf(before), next.now).removed.at(0) : undefined;
    const effort =
      reopened === undefined
        ? touch(before.effort, now())
        : resumed(reopened.evidence.clicks, reopened.evidence.activeSeconds, now());
    move(next, { effort, announcement });
  };

  const select = (id: MaskId | null): void => {
    const mask = id === null ? undefined : docOf(store.getState()).masks[id];
    set({ selectedId: id, announcement: mask === undefined ? "" : strings.announce.selected(mask.number) });
  };

  return {
    addPrompt(prompt) {
      const label = prompt.type === "point" ? strings.steps.addPoint(prompt.label) : strings.steps.addBox;
      const effort = addClick(store.getState().effort, now());
      step({ kind: "addPrompt", prompt, shown: shownCandidate() }, label, { effort, selectedId: null });
    },
    takeBackPrompt() {
      if (docOf(store.getState()).draft.prompts.length === 0) return;
      step({ kind: "takeBackPrompt" }, strings.steps.takeBack);
    },
    clearDraft() {
      if (docOf(store.getState()).draft.prompts.length === 0) return select(null);
      step({ kind: "clearDraft" }, strings.steps.clear);
    },
    choose(candidate) {
      const shown = shownOf(store.getState());
      if (shown === null || !shown.isFresh || candidate >= shown.answer.masks.length || candidate > 2) return;
      set({ history: amend(store.getState().history, { kind: "choose", candidate: candidate as Candidate }) });
    },
    keep,
    undo() {
      const { history } = store.getState();
      const label = undoLabel(history);
      if (label === null) set({ announcement: strings.announce.nothingToUndo });
      else travel(undo(history), strings.announce.undone(label));
    },
    redo() {
      const { history } = store.getState();
      const label = redoLabel(history);
      if (label === null) set({ announcement: strings.announce.nothingToRedo });
      else travel(redo(history), strings.announce.redone(label));
    },
    select,
    selectAt(at) {
      const hit = masksOf(docOf(store.getState()))
        .filter((mask) => isInBounds(at, mask.bounds) && contains(runsOf(mask.rle), at.x, at.y))
        .sort((a, b) => a.area - b.area)[0];
      select(hit?.id ?? null);
    },
    remove(id) {
      const mask = id === null ? undefined : docOf(store.getState()).masks[id];
      if (mask === undefined) return;
      step({ kind: "remove", id: mask.id }, strings.steps.remove, {
        announcement: strings.announce.removed(mask.number),
        soloId: null,
      });
    },
    setCategory(categoryId) {
      const { selectedId } = store.getState();
      if (selectedId === null) set({ newCategoryId: categoryId });
      else step({ kind: "setCategory", id: selectedId, categoryId }, strings.steps.category);
    },
    resume(draft, clicks, activeSeconds) {
      const history = amend(store.getState().history, { kind: "restoreDraft", draft });
      move(history, { effort: resumed(clicks, activeSeconds, now()), notice: strings.notice.resumed });
    },
    acceptRefusal({ maskId, imageId }, standing) {
      const { history, work } = store.getState();
      if (work?.image.id !== imageId) return;
      // Loading also brings back a mask whose deletion was refused.
      const op: Op = standing
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
