// What is on one image: the kept masks and the prompts of the mask being made. Pure; nothing of the model or the server.
import type { Pixels } from "./masks/regions";
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
  /** What its maker says of it; missing: nothing. */
  readonly flags?: readonly Flag[];
  /** Words to the reviewer, and back. */
  readonly comment?: string;
}

export const FLAGS = ["unsure", "crowd", "cut_by_border"] as const;
export type Flag = (typeof FLAGS)[number];

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

/** What the model had answered when the first pixel was changed by hand; null: nothing, the mask is hand-made. */
export interface Answered {
  readonly proposal: Proposal;
  readonly modelVersion: string;
  readonly candidate: Candidate;
}

/** The mask being made. `chosen`: which of the masks answered to the last prompt; null: the best by predicted IoU. */
export interface Draft {
  /** A mask at the end are pixels changed by hand: they stand as they are, and more prompts go on from them. */
  readonly prompts: readonly Prompt[];
  readonly chosen: Candidate;
  readonly answered: Answered | null;
  /** The mask being refined; its pixels are the first prompt. null: a new mask. */
  readonly base: MaskId | null;
  /** For the mask that it becomes. */
  readonly flags?: readonly Flag[];
}

export interface Doc {
  readonly masks: Readonly<Record<MaskId, Mask>>;
  readonly order: readonly MaskId[];
  readonly draft: Draft;
  readonly nextNumber: number;
}

/** `clicks` and `activeSeconds`: what the change took, on top of what the mask had taken. */
export interface ChangedMask {
  readonly id: MaskId;
  readonly pixels: Pixels;
  readonly clicks: number;
  readonly activeSeconds: number;
}

export type Op =
  /** `shown`: which mask the person saw when they added this prompt; kept on the prompt before it. */
  | { readonly kind: "addPrompt"; readonly prompt: Prompt; readonly shown: Candidate }
  | { readonly kind: "takeBackPrompt" }
  | { readonly kind: "choose"; readonly candidate: Candidate }
  | { readonly kind: "clearDraft" }
  | { readonly kind: "restoreDraft"; readonly draft: Draft }
  /** The draft's pixels, changed by hand. `shown`, `answered`: what the model had answered to the prompts before. */
  | { readonly kind: "editDraft"; readonly rle: Rle; readonly shown: Candidate; readonly answered: Answered | null }
  /** Kept masks get other pixels, become more or fewer, in one step. Whoever changes a proposal takes it. */
  | { readonly kind: "editMasks"; readonly changed: readonly ChangedMask[]; readonly added: readonly Omit<Mask, "number">[]; readonly removed: readonly MaskId[] }
  | { readonly kind: "keep"; readonly mask: Omit<Mask, "number"> }
  | { readonly kind: "load"; readonly masks: readonly Omit<Mask, "number">[] }
  /** Proposals become masks as they are; `activeSeconds`: what it took to look at each. */
  | { readonly kind: "accept"; readonly ids: readonly MaskId[]; readonly activeSeconds: number }
  /** A mask becomes the draft, to be refined by more prompts. */
  | { readonly kind: "refine"; readonly id: MaskId }
  | { readonly kind: "remove"; readonly id: MaskId }
  | { readonly kind: "setCategory"; readonly id: MaskId; readonly categoryId: number | null; readonly activeSeconds?: number }
  /** `id` null: of the mask being made. */
  | { readonly kind: "setFlags"; readonly id: MaskId | null; readonly flags: readonly Flag[] }
  | { readonly kind: "setComment"; readonly id: MaskId; readonly comment: string };

export const EMPTY_DRAFT: Draft = { prompts: [], chosen: null, base: null, answered: null };
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
    case "editDraft":
      return editDraft(doc, op);
    case "editMasks":
      return op.added.reduce(addMask, op.removed.reduce(removeMask, op.changed.reduce(changePixels, doc)));
    case "keep":
      return { ...addMask(doc, { ...saidOf(doc, op.mask.id), ...op.mask }), draft: EMPTY_DRAFT };
    case "load":
      return addMasks(doc, op.masks);
    case "accept":
      return op.ids.reduce((before, id) => accept(before, id, op.activeSeconds), doc);
    case "refine":
      return refine(doc, op.id);
    case "remove":
      return removeMask(doc, op.id);
    case "setCategory":
      // Whoever names a proposal takes it.
      return replaceMask(op.activeSeconds === undefined ? doc : accept(doc, op.id, op.activeSeconds), op.id, (mask) => ({
        ...mask,
        categoryId: op.categoryId,
        state: "accepted",
      }));
    case "setFlags":
      if (op.id === null) return { ...doc, draft: { ...doc.draft, flags: op.flags } };
      return replaceMask(doc, op.id, (mask) => ({ ...mask, flags: op.flags, state: "accepted" }));
    case "setComment":
      return replaceMask(doc, op.id, (mask) => ({ ...mask, comment: op.comment, state: "accepted" }));
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
  const answered = prompts.some(({ type }) => type === "mask") ? draft.answered : null;
  return { ...draft, prompts: [...prompts.slice(0, -1), { ...last, candidate: null }], chosen: last.candidate, answered };
}

function editDraft(doc: Doc, { rle, shown, answered }: Extract<Op, { kind: "editDraft" }>): Doc {
  const { draft } = doc;
  const prompt: Prompt = { type: "mask", rle, candidate: null };
  // One gesture after the other is one prompt for the model: the pixels as they are in the end.
  if (pixelsByHand(doc) !== null) return { ...doc, draft: { ...draft, prompts: [...draft.prompts.slice(0, -1), prompt] } };
  return { ...doc, draft: { ...addPrompt(draft, prompt, shown), answered } };
}

function changePixels(doc: Doc, { id, pixels, clicks, activeSeconds }: ChangedMask): Doc {
  return replaceMask(doc, id, (mask) => {
    const { evidence } = mask;
    const seconds = Math.round(10 * (evidence.activeSeconds + activeSeconds)) / 10;
    const spent = { clicks: evidence.clicks + clicks, activeSeconds: seconds };
    return { ...mask, ...pixels, state: "accepted", evidence: { ...evidence, ...spent } };
  });
}

function accept(doc: Doc, id: MaskId, activeSeconds: number): Doc {
  if (doc.masks[id]?.state !== "proposed") return doc;
  return replaceMask(doc, id, (mask) => ({ ...mask, state: "accepted", evidence: { ...mask.evidence, activeSeconds } }));
}

function refine(doc: Doc, id: MaskId): Doc {
  const mask = doc.masks[id];
  if (mask === undefined || doc.draft.base === id) return doc;
  return { ...doc, draft: { prompts: [{ type: "mask", rle: mask.rle, candidate: null }], chosen: null, base: id, answered: null } };
}

/** The draft's pixels when they were changed by hand after its last other prompt. */
export function pixelsByHand(doc: Doc): Rle | null {
  const last = doc.draft.prompts.at(-1);
  return last?.type === "mask" && untouchedBase(doc) === null ? last.rle : null;
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

/** As `addMask` one by one, but hundreds at once copy the document once. */
function addMasks(doc: Doc, added: readonly Omit<Mask, "number">[]): Doc {
  const masks = new Map(Object.entries(doc.masks));
  let { nextNumber } = doc;
  for (const mask of added) masks.set(mask.id, { ...mask, number: masks.get(mask.id)?.number ?? nextNumber++ });
  const order = [...new Set([...doc.order, ...added.map(({ id }) => id)])];
  return { ...doc, masks: Object.fromEntries(masks), order, nextNumber };
}

/** A mask that is refined keeps what was said of it. */
function saidOf({ masks, draft }: Doc, id: MaskId): Pick<Mask, "flags" | "comment"> {
  const flags = draft.flags ?? masks[id]?.flags ?? [];
  return { flags, comment: masks[id]?.comment ?? "" };
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
