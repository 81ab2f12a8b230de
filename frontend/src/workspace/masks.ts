// Between the document's masks and the server's annotations.
import type { Candidate, Prompt } from "../canvas/prompts";
import type { Bounds, Mask, MaskId } from "../canvas/document";
import { areaOf, boundsOf, runsOf } from "../canvas/masks/rle";
import type { OutboxRecord } from "./save/database";
import type { WantedMask } from "./save/outbox";
import type { Annotation, AnnotationIn, WorkItem } from "./server";

export type NewMask = Omit<Mask, "number">;

/** The id of a mask that came from the server. */
export const serverMaskId = (annotationId: number): MaskId => `annotation-${annotationId}`;

export function maskOfAnnotation(annotation: Annotation, id = serverMaskId(annotation.id)): NewMask {
  return {
    id,
    rle: annotation.rle,
    area: annotation.area,
    bounds: boundsOfBox(annotation.bbox_xywh),
    state: annotation.state === "proposed" ? "proposed" : "accepted",
    origin: annotation.origin,
    categoryId: annotation.category_id ?? null,
    evidence: evidenceOf(annotation),
    flags: annotation.flags,
    comment: annotation.comment,
  };
}

/** A mask that the server does not have yet, after a reload. */
export function maskOfRecord({ maskId, body, wanted, origin }: OutboxRecord): NewMask {
  const runs = runsOf(body.rle);
  return {
    id: maskId,
    rle: body.rle,
    area: areaOf(runs),
    bounds: boundsOf(runs),
    state: wanted === "proposed" ? "proposed" : "accepted",
    origin: origin ?? "model",
    categoryId: body.category_id ?? null,
    evidence: evidenceOf(body),
    ...saidIn(body),
  };
}

/** Bodies that an earlier version of the page has stored say nothing. */
const saidIn = ({ flags, comment }: Partial<AnnotationIn>): Required<Pick<Mask, "flags" | "comment">> => ({ flags: flags ?? [], comment: comment ?? "" });

export const boundsOfBox = ([x = 0, y = 0, width = 0, height = 0]: readonly number[]): Bounds => ({ x, y, width, height });

function evidenceOf(body: AnnotationIn | Annotation): Mask["evidence"] {
  return {
    prompts: (body.prompts ?? []) as Prompt[],
    clicks: body.clicks,
    activeSeconds: body.active_seconds,
    modelVersion: body.model_version ?? null,
    candidate: (body.candidate ?? null) as Candidate,
    proposal: body.proposal ?? null,
  };
}

export function wantedMask(mask: Mask, work: WorkItem, endsDraft = false): WantedMask {
  const { evidence } = mask;
  return {
    maskId: mask.id,
    imageId: work.image.id,
    imageName: work.image.file_name,
    origin: mask.origin,
    endsDraft,
    body: {
      rle: mask.rle,
      prompts: [...evidence.prompts],
      category_id: mask.categoryId,
      clicks: evidence.clicks,
      active_seconds: evidence.activeSeconds,
      model_version: evidence.modelVersion,
      candidate: evidence.candidate,
      proposal: evidence.proposal,
      flags: [...(mask.flags ?? [])],
      comment: mask.comment ?? "",
      work_item_id: work.id,
    },
  };
}
