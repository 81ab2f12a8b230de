// Undo and redo. Documents are immutable and share their parts, so a step keeps the whole document before it at the price
// of a few pointers; changed pixels come as runs, tens of kilobytes for a mask on 24 megapixels. What the model or the
// server says never becomes a step.
import { apply, type Doc, type Op } from "./document";

/** More than anybody does to one image; keeps a page that is never closed from growing for ever. */
export const MAX_STEPS = 2000;

/** `label` says what the step did, for announcements and tooltips. */
interface Step {
  readonly label: string;
  readonly doc: Doc;
}

export interface History {
  readonly past: readonly Step[];
  readonly now: Doc;
  readonly future: readonly Step[];
}

export const startWith = (doc: Doc): History => ({ past: [], now: doc, future: [] });

/** One gesture, one step. A gesture that changes nothing is none. */
export function commit(history: History, op: Op, label: string): History {
  const doc = apply(history.now, op);
  if (doc === history.now) return history;
  return { past: [...history.past, { label, doc: history.now }].slice(-MAX_STEPS), now: doc, future: [] };
}

/** A change that is no step: it joins the present and leaves undo and redo as they are. */
export function amend(history: History, op: Op): History {
  return { ...history, now: apply(history.now, op) };
}

/** As `amend`, but on every remembered document too: facts that undo must not take away, such as masks loaded late. */
export function amendAlways(history: History, op: Op): History {
  const amended = (step: Step): Step => ({ ...step, doc: apply(step.doc, op) });
  return { past: history.past.map(amended), now: apply(history.now, op), future: history.future.map(amended) };
}

export function undo(history: History): History {
  const step = history.past.at(-1);
  if (step === undefined) return history;
  return {
    past: history.past.slice(0, -1),
    now: step.doc,
    future: [{ label: step.label, doc: history.now }, ...history.future],
  };
}

export function redo(history: History): History {
  const [step, ...future] = history.future;
  if (step === undefined) return history;
  return { past: [...history.past, { label: step.label, doc: history.now }], now: step.doc, future };
}

export const undoLabel = (history: History): string | null => history.past.at(-1)?.label ?? null;
export const redoLabel = (history: History): string | null => history.future[0]?.label ?? null;
