// The mask being made, kept in the browser so that a reload or a crash loses no click.
import type { Database, DraftRecord } from "./database";

export async function saveDraft(database: Database, record: DraftRecord): Promise<void> {
  const transaction = database.transaction("drafts", "readwrite");
  const written =
    record.draft.prompts.length === 0
      ? transaction.store.delete([record.userId, record.imageId])
      : transaction.store.put(record);
  // Committed without waiting for the request: it counts even when the page goes away in this very moment.
  transaction.commit();
  await Promise.all([written, transaction.done]);
}

export async function findDraft(database: Database, userId: number, imageId: number): Promise<DraftRecord | null> {
  return (await database.get("drafts", [userId, imageId])) ?? null;
}
