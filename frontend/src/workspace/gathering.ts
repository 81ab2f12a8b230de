// What goes with a photo: the masks on the server, what the server has yet to hear of, and the mask being made.
import { maskOfAnnotation, maskOfRecord, type NewMask } from "./masks";
import type { Database, DraftRecord } from "./save/database";
import { findDraft } from "./save/drafts";
import type { Outbox } from "./save/outbox";
import { type Annotation, listAnnotations } from "./server";

export interface Gathered {
  /** Of the masks the first ones: those on the server that nothing of ours waits for. */
  readonly standing: readonly Annotation[];
  readonly masks: readonly NewMask[];
  readonly draft: DraftRecord | null;
}

export interface Gathering {
  gather(imageId: number): Promise<Gathered>;
  /** The same once the server has everything, so that its list holds what was kept before a reload. */
  gatherSaved(imageId: number): Promise<Gathered>;
}

interface GatheringParts {
  readonly userId: number;
  readonly database: Database;
  readonly outbox: Outbox;
}

export function createGathering({ userId, database, outbox }: GatheringParts): Gathering {
  const gather: Gathering["gather"] = async (imageId) => {
    const [annotations, records, draft] = await Promise.all([
      listAnnotations(imageId),
      outbox.recordsOf(imageId),
      findDraft(database, userId, imageId),
    ]);
    const waitingIds = new Set(records.map((record) => record.server?.annotationId));
    const standing = annotations.filter((annotation) => !waitingIds.has(annotation.id));
    const masks = [
      ...standing.map((annotation) => maskOfAnnotation(annotation)),
      ...records.filter((record) => record.wanted !== "removed").map(maskOfRecord),
    ];
    return { standing, masks, draft };
  };

  return {
    gather,
    async gatherSaved(imageId) {
      await outbox.flush();
      return gather(imageId);
    },
  };
}
