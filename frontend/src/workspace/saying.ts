// What a person says of a mask: flags, and words to the reviewer.
import { type Flag, FLAGS, type MaskId } from "../canvas/document";
import { amend } from "../canvas/history";
import { words } from "../words/workspace";
import type { Desk } from "./desk";
import { docOf } from "./state";

export interface Saying {
  /** Of the mask being made, else of the selected one. */
  toggleFlag(flag: Flag): void;
  /** `isMore`: goes on with what was just written, so that undo takes it back as one. */
  setComment(id: MaskId, comment: string, isMore: boolean): void;
}

export function createSaying({ store, set, step, move, hasDraft }: Desk): Saying {
  return {
    toggleFlag(flag) {
      const { draft, masks } = docOf(store.getState());
      const id = hasDraft() ? null : store.getState().selectedId;
      const mask = masks[id ?? draft.base ?? ""];
      if (id === null && !hasDraft()) return set({ notice: words.said.nothing });
      const before = (id === null ? draft.flags : undefined) ?? mask?.flags ?? [];
      const isOn = !before.includes(flag);
      const flags = FLAGS.filter((known) => (known === flag ? isOn : before.includes(known)));
      step({ kind: "setFlags", id, flags }, words.steps.flag, { announcement: words.said.announced(words.said.names[flag], isOn) });
    },
    setComment(id, comment, isMore) {
      const mask = docOf(store.getState()).masks[id];
      if (mask === undefined || (mask.comment ?? "") === comment) return;
      const op = { kind: "setComment", id, comment } as const;
      if (isMore) move(amend(store.getState().history, op));
      else step(op, words.steps.comment);
    },
  };
}
