// What a person does to the document: prompts, keep, delete, undo. Each change is compared with what was there before,
// and the difference is saved; so undo and redo reach the server like everything else.
import { type Bounds, differences, type Draft, type Mask, type MaskId, masksOf, type Op, untouchedBase } from "../canvas/document";
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
import { afterDeciding, isBelow, neighbour } from "./review";
import { docOf, reviewIn, type Store, shownOf, type WorkspaceState } from "./state";
import { strings } from "./strings";
import { randomUuid } from "./uuid";

export interface Editing {
  addPrompt(prompt: Prompt): void;
  takeBackPrompt(): void;
  clearDraft(): void;
  choose(candidate: number): void;
  /** Keeps the mask being made; with none, accepts the selected proposal. */
  keep(): void;
  /** The next mask of the review, or the one before. */
  step(by: 1 | -1): void;
  /** Accepts the selected proposal and goes on to the next; an automatic mask is only passed. */
  accept(): void;
  /** Accepts every proposal that the filter shows. */
  acceptAll(): void;
  /** Rejects the selected proposal, or an automatic mask, and goes on to the next. */
  reject(): void;
  /** Moves the bar under which proposals are left out, by a share of predicted IoU. */
  filterBy(share: number): void;
  filterAt(minIou: number): void;
  /** Makes the selected mask the draft. */
  refine(): void;
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
    const endsDraft = docOf(before).draft.prompts.length > 0 && after.now.draft.prompts.length === 0;
    const saving = [
      ...[...added, ...changed].map((mask) =>
        outbox.want(wantedMask(mask, work, endsDraft), mask.state === "proposed" ? "proposed" : "kept"),
      ),
      ...removed.map((mask) => outbox.want(wantedMask(mask, work), "removed")),
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
    const prompts = untouchedBase(history.now) === null ? history.now.draft.prompts : [];
    if (before.work !== null) asker.ask(before.work.image.id, prompts);
  };

  const step = (op: Op, label: string, change?: Partial<WorkspaceState>): void =>
    move(commit(store.getState().history, op, label), change);

  const shownCandidate = (): Candidate => {
    const shown = shownOf(store.getState());
    return shown?.isFresh && shown.answer.masks.length > 1 ? shown.index : null;
  };

  const hasDraft = (): boolean => docOf(store.getState()).draft.prompts.length > 0;
  /** A decision is made: the clock starts again. */
  const decided = (announcement: string): Partial<WorkspaceState> => ({ effort: touch(NO_EFFORT, now()), announcement });

  const keep = (): void => {
    const state = store.getState();
    const doc = docOf(state);
    const { draft } = doc;
    const base = draft.base === null ? undefined : doc.masks[draft.base];
    if (!hasDraft()) return accept();
    if (base !== undefined && untouchedBase(doc) !== null) {
      clearDraft();
      return accept();
    }
    const shown = shownOf(state);
    if (shown === null || !shown.isFresh) return set({ notice: strings.notice.stillComing });
    const { mask, answer } = shown;
    if (mask.area === 0) return set({ notice: strings.notice.emptyMask });
    const candidate = shownCandidate();
    const answered = { rle: mask.rle, predicted_iou: mask.predicted_iou, stability_score: mask.stability_score };
    const evidence = {
      prompts: draft.prompts.map((prompt, i) => (i === draft.prompts.length - 1 ? { ...prompt, candidate } : prompt)),
      clicks: state.effort.clicks,
      activeSeconds: secondsAt(state.effort, now()),
      modelVersion: answer.modelVersion,
      candidate,
      // What was proposed before anybody looked stays the measure of what had to be corrected.
      proposal: isMachineMade(base) ? base.evidence.proposal : answered,
    };
    const kept = {
      id: base?.id ?? randomUuid(),
      rle: mask.rle,
      area: mask.area,
      bounds: boundsOfBox(mask.bbox_xywh),
      state: "accepted" as const,
      origin: base?.origin ?? ("model" as const),
      categoryId: base === undefined ? state.newCategoryId : base.categoryId,
      evidence,
    };
    const next = base === undefined ? null : afterDeciding(reviewIn(state).ids, base.id);
    step({ kind: "keep", mask: kept }, base === undefined ? strings.steps.keep : strings.steps.refined, {
      ...decided(strings.announce.kept(base?.number ?? doc.nextNumber, mask.area)),
      selectedId: next,
    });
  };

  const accept = (): void => {
    if (hasDraft()) return keep();
    const state = store.getState();
    const { ids } = reviewIn(state);
    const mask = state.selectedId === null ? undefined : docOf(state).masks[state.selectedId];
    if (ids.length === 0) return;
    if (mask === undefined || !ids.includes(mask.id)) return select(neighbour(ids, null, 1));
    if (mask.state === "accepted") return select(ids[ids.indexOf(mask.id) + 1] ?? null);
    const activeSeconds = secondsAt(state.effort, now());
    step({ kind: "accept", ids: [mask.id], activeSeconds }, strings.steps.accept, {
      ...decided(strings.announce.accepted(mask.number)),
      selectedId: afterDeciding(ids, mask.id),
    });
  };

  const remove = (id: MaskId | null): void => {
    const state = store.getState();
    const mask = id === null ? undefined : docOf(state).masks[id];
    if (mask === undefined) return;
    const isProposal = mask.state === "proposed";
    const next = id === state.selectedId ? afterDeciding(reviewIn(state).ids, mask.id) : state.selectedId;
    step({ kind: "remove", id: mask.id }, isProposal ? strings.steps.reject : strings.steps.remove, {
      ...(isProposal ? decided(strings.announce.rejected(mask.number)) : { announcement: strings.announce.removed(mask.number) }),
      selectedId: next,
      soloId: null,
    });
  };

  /** Looks on at a proposal that the filter still shows. */
  const filterAt = (minIou: number): void => {
    set({ minIou: Math.round(100 * Math.min(1, Math.max(0, minIou))) / 100 });
    const state = store.getState();
    const { ids } = reviewIn(state);
    const selected = state.selectedId === null ? undefined : docOf(state).masks[state.selectedId];
    if (selected === undefined ? !hasDraft() : isBelow(selected, state.minIou)) set({ selectedId: ids[0] ?? null });
  };

  const clearDraft = (): void => {
    const { draft } = docOf(store.getState());
    if (draft.prompts.length === 0) return select(null);
    step({ kind: "clearDraft" }, strings.steps.clear, draft.base === null ? {} : { selectedId: draft.base });
  };

  /** Undo and redo. When a mask's prompts come back, so does what they have cost; a proposal that comes back is looked at. */
  const travel = (next: History, announcement: string): void => {
    const before = store.getState();
    const { added, removed, changed } = differences(docOf(before), next.now);
    const { draft } = next.now;
    const isReopened = docOf(before).draft.prompts.length === 0 && draft.prompts.length > 0;
    const reopened = !isReopened ? undefined : draft.base === null ? removed.at(0) : docOf(before).masks[draft.base];
    const effort =
      reopened === undefined
        ? touch(before.effort, now())
        : resumed(reopened.evidence.clicks, reopened.evidence.activeSeconds, now());
    const back = new Set([...added, ...changed].filter((mask) => mask.state === "proposed").map((mask) => mask.id));
    move(next, { effort, announcement });
    const first = reviewIn(store.getState()).ids.find((id) => back.has(id));
    if (first !== undefined && draft.prompts.length === 0) set({ selectedId: first });
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
    clearDraft,
    choose(candidate) {
      const shown = shownOf(store.getState());
      if (shown === null || !shown.isFresh || candidate >= shown.answer.masks.length || candidate > 2) return;
      set({ history: amend(store.getState().history, { kind: "choose", candidate: candidate as Candidate }) });
    },
    keep,
    step(by) {
      const state = store.getState();
      const { ids } = reviewIn(state);
      const all = masksOf(docOf(state)).map((mask) => mask.id);
      if (!hasDraft()) select(neighbour(ids.length > 0 ? ids : all, state.selectedId, by));
    },
    accept,
    acceptAll() {
      const state = store.getState();
      const ids = reviewIn(state).ids.filter((id) => docOf(state).masks[id]?.state === "proposed");
      if (hasDraft()) return set({ notice: strings.notice.openDraft });
      if (ids.length === 0) return;
      const activeSeconds = Math.round((10 * secondsAt(state.effort, now())) / ids.length) / 10;
      step({ kind: "accept", ids, activeSeconds }, strings.steps.acceptAll, {
        ...decided(strings.announce.acceptedAll(ids.length)),
        selectedId: null,
      });
    },
    reject() {
      const state = store.getState();
      if (hasDraft()) return set({ notice: strings.notice.openDraft });
      const { ids } = reviewIn(state);
      if (state.selectedId !== null && ids.includes(state.selectedId)) remove(state.selectedId);
      else if (ids.length > 0) select(neighbour(ids, null, 1));
    },
    filterBy: (share) => filterAt(store.getState().minIou + share),
    filterAt,
    refine() {
      const state = store.getState();
      const id = state.soloId ?? state.selectedId;
      const mask = id === null ? undefined : docOf(state).masks[id];
      if (mask === undefined) return;
      if (hasDraft()) return set({ notice: strings.notice.openDraft });
      const { clicks, activeSeconds } = mask.evidence;
      const isFirst = mask.state === "proposed";
      step({ kind: "refine", id: mask.id }, strings.steps.refine, {
        effort: isFirst ? touch(state.effort, now()) : resumed(clicks, activeSeconds, now()),
        selectedId: null,
        soloId: null,
        announcement: strings.announce.refining(mask.number),
      });
    },
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
      const { minIou } = store.getState();
      const hit = masksOf(docOf(store.getState()))
        .filter((mask) => !isBelow(mask, minIou) && isInBounds(at, mask.bounds) && contains(runsOf(mask.rle), at.x, at.y))
        .sort((a, b) => a.area - b.area)[0];
      select(hit?.id ?? null);
    },
    remove,
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

const isMachineMade = (mask: Mask | undefined): mask is Mask => mask?.origin === "detector" || mask?.origin === "automatic";

function isInBounds({ x, y }: ImagePoint, bounds: Bounds): boolean {
  return x >= bounds.x && y >= bounds.y && x < bounds.x + bounds.width && y < bounds.y + bounds.height;
}
