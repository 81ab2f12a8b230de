// What is on one image: the kept masks and the prompts of the mask being made. Pure; nothing of the model or the server.
import type { Rle } from "./masks/rle";
import type { Candidate, Prompt } from "./prompts";

export type MaskId = string;

export interface Mask {
  readonly id: MaskId;
  /** Counts from 1 in the order of keeping; gives the hue when there is no category. */
  readonly number: number;
  readonly rle: Rle;
  readonly area: number;
  readonly bounds: Bounds;
  readonly state: "accepted" | "proposed";
  /** Who or what made it: a person with the model, by hand, from a file; a detector, or a policy without anybody. */
  readonly origin: Origin;
  readonly categoryId: number | null;
  readonly evidence: Evidence;
}

export type Origin = "model" | "manual" | "imported" | "detector" | "automatic";

/** A rectangle of whole image pixels. */
export interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What it took to make a mask; goes with it into the dataset. */
export interface Evidence {
  readonly prompts: readonly Prompt[];
  readonly clicks: number;
  readonly activeSeconds: number;
  readonly modelVersion: string | null;
  readonly candidate: Candidate;
  readonly proposal: Proposal | null;
}

/** What the model proposed. `score`: how sure a detector was of its box. */
export interface Proposal {
  readonly rle: Rle;
  readonly predicted_iou: number;
  readonly stability_score: number;
  readonly score?: number | null;
}

/** The mask being made. `chosen`: which of the masks answered to the last prompt; null: the best by predicted IoU. */
export interface Draft {
  readonly prompts: readonly Prompt[];
  readonly chosen: Candidate;
  /** The mask being refined; its pixels are the first prompt. null: a new mask. */
  readonly base: MaskId | null;
}

export interface Doc {
  readonly masks: Readonly<Record<MaskId, Mask>>;
  readonly order: readonly MaskId[];
  readonly draft: Draft;
  readonly nextNumber: number;
}

export type Op =
  /** `shown`: which mask the person saw when they added this prompt; kept on the prompt before it. */
  | { readonly kind: "addPrompt"; readonly prompt: Prompt; readonly shown: Candidate }
  | { readonly kind: "takeBackPrompt" }
  | { readonly kind: "choose"; readonly candidate: Candidate }
  | { readonly kind: "clearDraft" }
  | { readonly kind: "restoreDraft"; readonly draft: Draft }
  | { readonly kind: "keep"; readonly mask: Omit<Mask, "number"> }
  | { readonly kind: "load"; readonly masks: readonly Omit<Mask, "number">[] }
  /** Proposals become masks as they are; `activeSeconds`: what it took to look at each. */
  | { readonly kind: "accept"; readonly ids: readonly MaskId[]; readonly activeSeconds: number }
  /** A mask becomes the draft, to be refined by more prompts. */
  | { readonly kind: "refine"; readonly id: MaskId }
  | { readonly kind: "remove"; readonly id: MaskId }
  | { readonly kind: "setCategory"; readonly id: MaskId; readonly categoryId: number | null };

export const EMPTY_DRAFT: Draft = { prompts: [], chosen: null, base: null };
export const EMPTY_DOC: Doc = { masks: {}, order: [], draft: EMPTY_DRAFT, nextNumber: 1 };

export function apply(doc: Doc, op: Op): Doc {
  switch (op.kind) {
    case "addPrompt":
      return { ...doc, draft: addPrompt(doc.draft, op.prompt, op.shown) };
    case "takeBackPrompt":
      return { ...doc, draft: takeBackPrompt(doc.draft) };
    case "choose":
      return { ...doc, draft: { ...doc.draft, chosen: op.candidate } };
    case "clearDraft":
      return { ...doc, draft: EMPTY_DRAFT };
    case "restoreDraft":
      return { ...doc, draft: op.draft };
    case "keep":
      return { ...addMask(doc, op.mask), draft: EMPTY_DRAFT };
    case "load":
      return op.masks.reduce(addMask, doc);
    case "accept":
      return op.ids.reduce((before, id) => accept(before, id, op.activeSeconds), doc);
    case "refine":
      return refine(doc, op.id);
    case "remove":
      return removeMask(doc, op.id);
    case "setCategory":
      // Whoever names a proposal takes it.
      return replaceMask(doc, op.id, (mask) => ({ ...mask, categoryId: op.categoryId, state: "accepted" }));
  }
}

function addPrompt(draft: Draft, prompt: Prompt, shown: Candidate): Draft {
  const boxAt = prompt.type === "box" ? draft.prompts.findIndex((earlier) => earlier.type === "box") : -1;
  if (boxAt >= 0) {
    // A mask takes one box: the new one stands in for the old one, and choices made on its answers no longer mean anything.
    const prompts = draft.prompts.map((earlier, i) =>
      i === boxAt ? prompt : i > boxAt ? { ...earlier, candidate: null } : earlier,
    );
    return { ...draft, prompts, chosen: null };
  }
  const before = draft.prompts.map((earlier, i) =>
    i === draft.prompts.length - 1 ? { ...earlier, candidate: shown } : earlier,
  );
  return { ...draft, prompts: [...before, prompt], chosen: null };
}

function takeBackPrompt(draft: Draft): Draft {
  const prompts = draft.prompts.slice(0, -1);
  const last = prompts.at(-1);
  if (last === undefined) return EMPTY_DRAFT;
  return { ...draft, prompts: [...prompts.slice(0, -1), { ...last, candidate: null }], chosen: last.candidate };
}

function accept(doc: Doc, id: MaskId, activeSeconds: number): Doc {
  if (doc.masks[id]?.state !== "proposed") return doc;
  return replaceMask(doc, id, (mask) => ({ ...mask, state: "accepted", evidence: { ...mask.evidence, activeSeconds } }));
}

function refine(doc: Doc, id: MaskId): Doc {
  const mask = doc.masks[id];
  if (mask === undefined || doc.draft.base === id) return doc;
  return { ...doc, draft: { prompts: [{ type: "mask", rle: mask.rle, candidate: null }], chosen: null, base: id } };
}

/** The mask being refined, as long as nothing has been added to it. */
export function untouchedBase({ draft, masks }: Doc): Mask | null {
  return draft.base !== null && draft.prompts.length === 1 ? (masks[draft.base] ?? null) : null;
}

function addMask(doc: Doc, mask: Omit<Mask, "number">): Doc {
  if (mask.id in doc.masks) return replaceMask(doc, mask.id, (known) => ({ ...mask, number: known.number }));
  return {
    ...doc,
    masks: { ...doc.masks, [mask.id]: { ...mask, number: doc.nextNumber } },
    order: [...doc.order, mask.id],
    nextNumber: doc.nextNumber + 1,
  };
}

function removeMask(doc: Doc, id: MaskId): Doc {
  if (!(id in doc.masks)) return doc;
  const masks = Object.fromEntries(Object.entries(doc.masks).filter(([key]) => key !== id));
  // Without the mask there is nothing to refine.
  const draft = doc.draft.base === id ? EMPTY_DRAFT : doc.draft;
  return { ...doc, masks, order: doc.order.filter((other) => other !== id), draft };
}

function replaceMask(doc: Doc, id: MaskId, change: (mask: Mask) => Mask): Doc {
  const mask = doc.masks[id];
  return mask === undefined ? doc : { ...doc, masks: { ...doc.masks, [id]: change(mask) } };
}

/** The kept masks in order. */
export function masksOf(doc: Doc): Mask[] {
  return doc.order.flatMap((id) => doc.masks[id] ?? []);
}

/** What another document has that this one has not, and the other way round: what must be saved after a step. */
export function differences(before: Doc, after: Doc): { added: Mask[]; removed: Mask[]; changed: Mask[] } {
  const added = masksOf(after).filter((mask) => !(mask.id in before.masks));
  const removed = masksOf(before).filter((mask) => !(mask.id in after.masks));
  const changed = masksOf(after).filter((mask) => mask.id in before.masks && before.masks[mask.id] !== mask);
  return { added, removed, changed };
}

/** The prompt list as a key for answers: the choice made on the last prompt does not change its own answer. */
export function promptsKey(prompts: readonly Prompt[]): string {
  return JSON.stringify(prompts.map((prompt, i) => (i === prompts.length - 1 ? { ...prompt, candidate: null } : prompt)));
}
