// The one way from one document to the next. Each is compared with what was there before, and the difference is saved; so
// undo and redo reach the server like everything else.
import { differences, type Op, pixelsByHand, untouchedBase } from "../canvas/document";
import { commit, type History } from "../canvas/history";
import type { Candidate } from "../canvas/prompts";
import { messageOf } from "../api/errors";
import { words } from "../words/workspace";
import { NO_EFFORT, touch, withoutResumed } from "./effort";
import { wantedMask } from "./masks";
import type { Asker } from "./predict/asker";
import type { Outbox } from "./save/outbox";
import { docOf, type Store, shownOf, type WorkspaceState } from "./state";

export interface Desk {
  readonly store: Store;
  now(): number;
  set(change: Partial<WorkspaceState>): void;
  move(history: History, change?: Partial<WorkspaceState>): void;
  step(op: Op, label: string, change?: Partial<WorkspaceState>): void;
  hasDraft(): boolean;
  /** Which of several masks the person sees; null when there is only one. */
  shownCandidate(): Candidate;
  /** A decision is made: the clock starts again. */
  decided(announcement: string): Partial<WorkspaceState>;
}

export function createDesk(store: Store, { outbox, asker }: { outbox: Outbox; asker: Asker }): Desk {
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
    void Promise.all(saving).catch((error: unknown) => set({ notice: words.notice.storage(messageOf(error)) }));
  };

  const move = (history: History, change: Partial<WorkspaceState> = {}): void => {
    const before = store.getState();
    if (before.phase.kind !== "working" || history === before.history) return;
    save(before, history);
    const { masks } = history.now;
    const selectedId = before.selectedId !== null && before.selectedId in masks ? before.selectedId : null;
    const endsDraft = docOf(before).draft.prompts.length > 0 && history.now.draft.prompts.length === 0;
    const effort = endsDraft ? withoutResumed(before.effort) : before.effort;
    const next = { selectedId, alsoSelected: before.alsoSelected, effort, ...change };
    // Others are selected beside one, and only as long as they are there.
    const also = next.selectedId === before.selectedId ? next.alsoSelected.filter((id) => id in masks) : [];
    // Who goes on deciding is warned anew of what is left.
    set({ history, notice: null, isWarnedOfLeft: false, ...next, alsoSelected: also });
    const isSettled = untouchedBase(history.now) !== null || pixelsByHand(history.now) !== null;
    if (before.work !== null) asker.ask(before.work.image.id, isSettled ? [] : history.now.draft.prompts);
  };

  return {
    store,
    now,
    set,
    move,
    step: (op, label, change) => move(commit(store.getState().history, op, label), change),
    hasDraft: () => docOf(store.getState()).draft.prompts.length > 0,
    shownCandidate() {
      const shown = shownOf(store.getState());
      return shown?.isFresh && shown.answer.masks.length > 1 ? shown.index : null;
    },
    decided: (announcement) => ({ effort: touch(NO_EFFORT, now()), announcement }),
  };
}
