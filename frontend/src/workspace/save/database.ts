// The browser's own store: kept masks that the server has not confirmed, and drafts. A buffer, not an archive.
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Draft, MaskId } from "../../canvas/document";
import type { AnnotationIn } from "../server";

/** What the server knows of a mask. */
export interface ServerMask {
  annotationId: number;
  revision: number;
  isDeleted: boolean;
}

/** Why a mask waits for a person: the server refused it, or somebody else changed it. */
export interface Refusal {
  code: string;
  message: string;
  status: number;
  /** The server's version, when two people changed one mask. */
  current: unknown;
}

export type SentStep = "create" | "change" | "remove" | "restore";

/** One mask whose state on the server is not yet what the person wants. */
export interface OutboxRecord {
  /** Also the Idempotency-Key, made when the key was pressed. */
  maskId: MaskId;
  userId: number;
  imageId: number;
  imageName: string;
  order: number;
  wanted: "kept" | "removed";
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

interface Schema extends DBSchema {
  outbox: { key: string; value: OutboxRecord; indexes: { byUser: number } };
  drafts: { key: [number, number]; value: DraftRecord };
}

export type Database = IDBPDatabase<Schema>;

export function openDatabase(name = "segloop"): Promise<Database> {
  return openDB<Schema>(name, 1, {
    upgrade(database) {
      database.createObjectStore("outbox", { keyPath: "maskId" }).createIndex("byUser", "userId");
      database.createObjectStore("drafts", { keyPath: ["userId", "imageId"] });
    },
  });
}
