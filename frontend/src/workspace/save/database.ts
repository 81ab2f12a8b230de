// The browser's own store: kept masks and finished photos that the server has not confirmed, and drafts. A buffer, not an archive.
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Draft, MaskId, Origin } from "../../canvas/document";
import type { AnnotationIn } from "../server";

/** What the server has of a mask. `gone`: deleted, or as a proposal rejected; it can be restored. */
export interface ServerMask {
  annotationId: number;
  revision: number;
  state: "accepted" | "proposed" | "gone";
  /** What its version is told by: the pixels, the category, the clicks, and what is said of it. */
  counts: string;
  categoryId: number | null;
  clicks: number;
  /** `saidAs` of flags and comment; missing in records of earlier versions of the page: nothing. */
  said?: string;
}

/** Flags and comment as one word, to be compared; nothing said is "". */
export const saidAs = ({ flags, comment }: Partial<Pick<AnnotationIn, "flags" | "comment">>): string =>
  (flags ?? []).length === 0 && (comment ?? "") === "" ? "" : JSON.stringify([flags ?? [], (comment ?? "").trim()]);

/** Why a mask waits for a person: the server refused it, or somebody else changed it. */
export interface Refusal {
  code: string;
  message: string;
  status: number;
  /** The server's version, when two people changed one mask. */
  current: unknown;
}

/** What a person wants of a mask: kept as it is in the body, left as the proposal it was, or removed. */
export type Wanted = "kept" | "proposed" | "removed";

export type SentStep = "create" | "change" | "propose" | "remove" | "restore";

/** One mask whose state on the server is not yet what the person wants. */
export interface OutboxRecord {
  /** Also the Idempotency-Key, made when the key was pressed. */
  maskId: MaskId;
  userId: number;
  imageId: number;
  imageName: string;
  order: number;
  wanted: Wanted;
  /** Missing in records of the store's first version. */
  origin?: Origin;
  body: AnnotationIn;
  /** Counts the changes of `body`; `sentVersion` is the one that the server has. */
  version: number;
  sentVersion: number;
  server: ServerMask | null;
  /** Sent without an answer yet: the server may have it, so it is repeated as it was until its fate is known. */
  tried: { step: SentStep; body: AnnotationIn; version: number } | null;
  refusal: Refusal | null;
}

export interface DraftRecord {
  userId: number;
  imageId: number;
  draft: Draft;
  clicks: number;
  activeSeconds: number;
  categoryId: number | null;
  savedAt: number;
}

/** A photo its annotator is done with, until the server has heard so. */
export interface Finished {
  workId: number;
  leaseToken: string;
  userId: number;
  projectId: number;
  imageName: string;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: OutboxRecord; indexes: { byUser: number } };
  drafts: { key: [number, number]; value: DraftRecord };
  finished: { key: number; value: Finished };
}

export type Database = IDBPDatabase<Schema>;

export function openDatabase(name = "segloop"): Promise<Database> {
  return openDB<Schema>(name, 3, {
    async upgrade(database, oldVersion, _, transaction) {
      database.createObjectStore("finished", { keyPath: "workId" });
      if (oldVersion === 2) return;
      if (oldVersion === 0) {
        database.createObjectStore("outbox", { keyPath: "maskId" }).createIndex("byUser", "userId");
        database.createObjectStore("drafts", { keyPath: ["userId", "imageId"] });
        return;
      }
      const outbox = transaction.objectStore("outbox");
      for (const record of await outbox.getAll()) await outbox.put({ ...record, server: fromFirst(record.server) });
      const drafts = transaction.objectStore("drafts");
      for (const record of await drafts.getAll()) await drafts.put({ ...record, draft: { ...record.draft, base: null } });
    },
  });
}

/** What the first version of this store knew of the server's mask; its contents count as another version. */
function fromFirst(server: ServerMask | null): ServerMask | null {
  if (server === null) return null;
  const { isDeleted } = server as ServerMask & { isDeleted?: boolean };
  return { ...server, state: isDeleted === true ? "gone" : "accepted", counts: "", categoryId: null, clicks: 0 };
}
