// Proposals waiting for a person, and automatic masks waiting for an audit: which ones, in what order, how many are left.
import { type Doc, type Mask, type MaskId, masksOf } from "../canvas/document";

export interface Review {
  /** What is to be looked at, in the order of review. */
  readonly ids: readonly MaskId[];
  /** Proposals of this image, decided or not. */
  readonly total: number;
  /** Proposals without a decision, those left out by the filter included. */
  readonly left: number;
  /** Proposals that the filter leaves out. */
  readonly hidden: number;
}

const believedIn = (mask: Mask): number => mask.evidence.proposal?.predicted_iou ?? 1;

/** Whether the filter leaves this proposal out; decided masks always stay. */
export const isBelow = (mask: Mask, minIou: number): boolean => mask.state === "proposed" && believedIn(mask) < minIou;

/** `proposed`: how many proposals the image came with. */
export function reviewOf(doc: Doc, { minIou, isAudit, proposed }: { minIou: number; isAudit: boolean; proposed: number }): Review {
  const masks = masksOf(doc);
  const open = masks.filter((mask) => mask.state === "proposed");
  const shown = open.filter((mask) => !isBelow(mask, minIou));
  const audited = isAudit ? masks.filter((mask) => mask.state === "accepted" && mask.origin === "automatic") : [];
  // The surest first: where they go wrong, the rest may be left to the filter.
  const ids = [...shown, ...audited].sort((a, b) => believedIn(b) - believedIn(a)).map((mask) => mask.id);
  return { ids, total: Math.max(proposed, open.length), left: open.length, hidden: open.length - shown.length };
}

/** The neighbour of `id` in the order of review; with nothing selected the first, or the last. */
export function neighbour(ids: readonly MaskId[], id: MaskId | null, step: 1 | -1): MaskId | null {
  const at = id === null ? -1 : ids.indexOf(id);
  if (at < 0) return ids.at(step === 1 ? 0 : -1) ?? null;
  return ids[(at + step + ids.length) % ids.length] ?? null;
}

/** What to look at once `id` is decided: what follows it, else what was passed over before it. */
export function afterDeciding(ids: readonly MaskId[], id: MaskId): MaskId | null {
  const at = ids.indexOf(id);
  return at < 0 ? null : (ids[at + 1] ?? ids[at - 1] ?? null);
}
