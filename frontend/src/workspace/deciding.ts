// Proposals and automatic masks: accepted, rejected, passed by, filtered.
import { masksOf } from "../canvas/document";
import type { MaskId } from "../canvas/document";
import { words } from "../words/workspace";
import type { Desk } from "./desk";
import { secondsAt } from "./effort";
import { afterDeciding, isBelow, neighbour } from "./review";
import { docOf, reviewIn, selectedMaskOf } from "./state";

export interface Deciding {
  /** The next mask of the review, or the one before. */
  step(by: 1 | -1): void;
  /** Accepts the selected proposal and goes on to the next; an automatic mask is only passed. */
  acceptSelected(): void;
  /** Accepts every proposal that the filter shows. */
  acceptAll(): void;
  /** Rejects every proposal without a decision, those that the filter leaves out, too. */
  rejectAll(): void;
  /** Rejects the selected proposal, or an automatic mask, and goes on to the next. */
  reject(): void;
  /** Moves the bar under which proposals are left out, by a share of predicted IoU. */
  filterBy(share: number): void;
  filterAt(minIou: number): void;
  select(id: MaskId | null): void;
  remove(id: MaskId | null): void;
  /** The selected mask and those selected beside it, in one step. */
  removeSelected(): void;
}

export function createDeciding({ store, set, step, hasDraft, decided, now }: Desk): Deciding {
  const select = (id: MaskId | null): void => {
    const mask = id === null ? undefined : docOf(store.getState()).masks[id];
    const announcement = mask === undefined ? "" : words.announce.selected(mask.number);
    set({ selectedId: id, alsoSelected: [], announcement });
  };

  const remove = (id: MaskId | null): void => {
    const state = store.getState();
    const mask = id === null ? undefined : docOf(state).masks[id];
    if (mask === undefined) return;
    const isProposal = mask.state === "proposed";
    const next = id === state.selectedId ? afterDeciding(reviewIn(state).ids, mask.id) : state.selectedId;
    step({ kind: "remove", id: mask.id }, isProposal ? words.steps.reject : words.steps.remove, {
      ...(isProposal ? decided(words.announce.rejected(mask.number)) : { announcement: words.announce.removed(mask.number) }),
      selectedId: next,
    });
  };

  const removeSelected = (): void => {
    const { selectedId, alsoSelected } = store.getState();
    if (selectedId === null || alsoSelected.length === 0) return remove(selectedId);
    const removed = [selectedId, ...alsoSelected];
    const announcement = words.announce.removedAll(removed.length);
    step({ kind: "editMasks", changed: [], added: [], removed }, words.steps.removeAll, { announcement, selectedId: null });
  };

  /** Looks on at a proposal that the filter still shows. */
  const filterAt = (minIou: number): void => {
    set({ minIou: Math.round(100 * Math.min(1, Math.max(0, minIou))) / 100 });
    const state = store.getState();
    const selected = selectedMaskOf(state);
    if (selected === null ? !hasDraft() : isBelow(selected, state.minIou)) set({ selectedId: reviewIn(state).ids[0] ?? null });
  };

  return {
    step(by) {
      const state = store.getState();
      const { ids } = reviewIn(state);
      const all = masksOf(docOf(state)).map((mask) => mask.id);
      if (!hasDraft()) select(neighbour(ids.length > 0 ? ids : all, state.selectedId, by));
    },
    acceptSelected() {
      const state = store.getState();
      const { ids } = reviewIn(state);
      const mask = selectedMaskOf(state);
      if (ids.length === 0) return;
      if (mask === null || !ids.includes(mask.id)) return select(neighbour(ids, null, 1));
      if (mask.state === "accepted") return select(ids[ids.indexOf(mask.id) + 1] ?? null);
      const activeSeconds = secondsAt(state.effort, now());
      step({ kind: "accept", ids: [mask.id], activeSeconds }, words.steps.accept, {
        ...decided(words.announce.accepted(mask.number)),
        selectedId: afterDeciding(ids, mask.id),
      });
    },
    acceptAll() {
      const state = store.getState();
      const ids = reviewIn(state).ids.filter((id) => docOf(state).masks[id]?.state === "proposed");
      if (hasDraft()) return set({ notice: words.notice.openDraft });
      if (ids.length === 0) return;
      const activeSeconds = Math.round((10 * secondsAt(state.effort, now())) / ids.length) / 10;
      step({ kind: "accept", ids, activeSeconds }, words.steps.acceptAll, {
        ...decided(words.announce.acceptedAll(ids.length)),
        selectedId: null,
      });
    },
    rejectAll() {
      const state = store.getState();
      const removed = masksOf(docOf(state)).flatMap((mask) => (mask.state === "proposed" ? [mask.id] : []));
      if (hasDraft()) return set({ notice: words.notice.openDraft });
      if (removed.length === 0) return;
      step({ kind: "editMasks", changed: [], added: [], removed }, words.steps.rejectAll, {
        ...decided(words.announce.rejectedAll(removed.length, reviewIn(state).hidden)),
        selectedId: null,
      });
    },
    reject() {
      const state = store.getState();
      if (hasDraft()) return set({ notice: words.notice.openDraft });
      const { ids } = reviewIn(state);
      if (state.selectedId !== null && ids.includes(state.selectedId)) remove(state.selectedId);
      else if (ids.length > 0) select(neighbour(ids, null, 1));
    },
    filterBy: (share) => filterAt(store.getState().minIou + share),
    filterAt,
    select,
    remove,
    removeSelected,
  };
}
