// The mask being made, kept in the browser so that a reload or a crash loses no click.
import type { Database, DraftRecord } from "./database";

export async function saveDraft(database: Database, record: DraftRecord): Promise<void> {
  if (record.draft.prompts.length === 0) await database.delete("drafts", [record.userId, record.imageId]);
  else await database.put("drafts", record);
}

export async function findDraft(database: Database, userId: number, imageId: number): Promise<DraftRecord | null> {
  return (await database.get("drafts", [userId, imageId])) ?? null;
}
