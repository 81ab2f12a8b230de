// Brings masks to the server: in order, again and again until they are there, never dropping one. Each record says what
// the person wants of a mask; what to send follows from comparing that with what the server is known to have.
import { createStore, type StoreApi } from "zustand/vanilla";
import type { MaskId, Origin } from "../../canvas/document";
import { ApiError, messageOf } from "../../api/errors";
import type { Annotation, AnnotationCalls, AnnotationIn } from "../server";
import type { Database, OutboxRecord, Refusal, ServerMask, Wanted } from "./database";
import { isAsOn, sendStep, serverMaskOf, stepOf } from "./steps";
import { createPauses, isPassing } from "./trying";

export type SaveKind = "saved" | "saving" | "offline";

export interface SaveState {
  readonly kind: SaveKind;
  /** Masks the server does not have yet as they are wanted; refused ones are counted apart. */
  readonly waiting: number;
  readonly refused: readonly OutboxRecord[];
}

export interface WantedMask {
  readonly maskId: MaskId;
  readonly imageId: number;
  readonly imageName: string;
  readonly origin: Origin;
  readonly body: AnnotationIn;
  /** This mask was the draft of its image: with it the draft has ended. */
  readonly endsDraft: boolean;
}

export interface Outbox {
  readonly state: StoreApi<SaveState>;
  /** Masks that came from the server: what it has of them. */
  know(maskId: MaskId, annotation: Annotation): void;
  want(mask: WantedMask, wanted: Wanted): Promise<void>;
  /** The server's number of a mask; null as long as it has none. */
  annotationIdOf(maskId: MaskId): number | null;
  /** Whether somebody else changed these masks of one image since it was loaded with those `standing` then. */
  isNews(annotations: readonly Annotation[], standing: readonly Annotation[]): boolean;
  /** Sends what waits, now; resolves when nothing more can be done for the moment. */
  flush(): Promise<void>;
  recordsOf(imageId: number): Promise<OutboxRecord[]>;
  /** A refused mask: send it again; against a conflict, over the other person's version. */
  sendAgain(maskId: MaskId): Promise<void>;
  /** A refused mask: give up what was wanted. */
  giveUp(maskId: MaskId): Promise<void>;
  close(): void;
}

/** What tabs tell each other: what the server has of a mask now, and whether all that was wanted of it is sent. */
interface Sent {
  readonly maskId: MaskId;
  readonly server: ServerMask;
  readonly isDone: boolean;
}

interface OutboxOptions {
  readonly database: Database;
  readonly userId: number;
  readonly calls: AnnotationCalls;
  /** Resolves when it makes sense to send again although the session had ended. */
  readonly sessionIsBack: () => Promise<void>;
}

export function createOutbox({ database, userId, calls, sessionIsBack }: OutboxOptions): Outbox {
  const state = createStore<SaveState>(() => ({ kind: "saved", waiting: 0, refused: [] }));
  const known = new Map<MaskId, ServerMask>();
  const pauses = createPauses(sessionIsBack);
  let sending: Promise<void> | null = null;
  let isClosed = false;
  // Wanted, but not yet in the browser's store: from the first moment the page must not say "saved".
  let storing = 0;
  let lastOrder = 0;
  // The tab that sends tells the others what the server has now.
  const channel = new BroadcastChannel("segloop-outbox");
  channel.addEventListener("message", ({ data }: MessageEvent<Sent>) => {
    takeOver(data);
    void publish();
  });
  // What this tab wants and is not sent yet.
  const wantedHere = new Set<MaskId>();
  const takeOver = ({ maskId, server, isDone }: Sent): void => {
    // This page shows what was before another tab's change: it has to meet the conflict, not to lay its own over it.
    if (!wantedHere.has(maskId) && known.has(maskId)) return;
    known.set(maskId, server);
    if (isDone) wantedHere.delete(maskId);
    else wantedHere.add(maskId);
  };
  const learn = (sent: Sent): void => {
    takeOver(sent);
    if (!isClosed) channel.postMessage(sent);
  };

  const records = async (): Promise<OutboxRecord[]> =>
    (await database.getAllFromIndex("outbox", "byUser", userId)).sort((a, b) => a.order - b.order);

  const publish = async (kind?: SaveKind): Promise<void> => {
    if (isClosed) return;
    const all = await records();
    const waiting = all.filter((record) => record.refusal === null).length + storing;
    const now = waiting === 0 ? "saved" : (kind ?? (state.getState().kind === "offline" ? "offline" : "saving"));
    state.setState({ kind: now, waiting, refused: all.filter((record) => record.refusal !== null) });
  };

  /** Changes a record, or removes it when nothing is left to send, in one transaction; returns what is left. */
  const update = async (
    maskId: MaskId,
    change: (record: OutboxRecord) => OutboxRecord,
  ): Promise<OutboxRecord | null> => {
    const transaction = database.transaction("outbox", "readwrite", { durability: "strict" });
    const record = await transaction.store.get(maskId);
    let left: OutboxRecord | null = null;
    if (record !== undefined) {
      const next = change(record);
      if (stepOf(next) !== "none") left = next;
      if (next.server !== null) learn({ maskId, server: next.server, isDone: left === null });
      await (left === null ? transaction.store.delete(maskId) : transaction.store.put(left));
    }
    await transaction.done;
    return left;
  };

  const want = async (mask: WantedMask, wanted: Wanted): Promise<void> => {
    storing++;
    const { kind, waiting } = state.getState();
    state.setState({ kind: kind === "saved" ? "saving" : kind, waiting: waiting + 1 });
    wantedHere.add(mask.maskId);
    await store(mask, wanted).finally(() => storing--);
    wantedHere.add(mask.maskId); // also if what was wanted before has been sent meanwhile
    await publish();
    void flush();
  };

  const store = async ({ endsDraft, ...mask }: WantedMask, wanted: Wanted): Promise<void> => {
    // The mask and the end of its draft are one transaction: a crash in between would offer the mask twice.
    const transaction = database.transaction(["outbox", "drafts"], "readwrite", { durability: "strict" });
    const outbox = transaction.objectStore("outbox");
    const waiting = await outbox.get(mask.maskId);
    const server = known.get(mask.maskId) ?? null;
    lastOrder = Math.max(lastOrder + 1, Date.now());
    const fresh = { ...mask, userId, order: lastOrder, wanted, version: 1, server, tried: null, refusal: null };
    const isChanged = JSON.stringify(waiting?.body) !== JSON.stringify(mask.body);
    const next: OutboxRecord =
      waiting === undefined
        ? { ...fresh, sentVersion: server !== null && isAsOn(server, mask.body) ? 1 : 0 }
        : { ...waiting, wanted, body: mask.body, version: waiting.version + (isChanged ? 1 : 0), refusal: null };
    await (stepOf(next) === "none" ? outbox.delete(mask.maskId) : outbox.put(next));
    if (endsDraft) await transaction.objectStore("drafts").delete([userId, mask.imageId]);
    transaction.commit();
    await transaction.done;
  };

  /** One request for the first record that waits. */
  const sendOne = async ({ maskId }: OutboxRecord): Promise<void> => {
    // What is sent is decided and noted in one transaction: the person may have taken their wish back since the record
    // was listed, and a request that nobody wants any more must not go out unnoticed.
    const record = await update(maskId, (now) => {
      const step = stepOf(now);
      return step === "none" ? now : { ...now, tried: now.tried ?? { step, body: now.body, version: now.version } };
    });
    const tried = record?.tried;
    if (!tried) return;
    const server = await sendStep(calls, tried.step, record, tried.body);
    const carriesBody = tried.step === "create" || tried.step === "change";
    await update(maskId, (now) => ({
      ...now,
      server,
      sentVersion: carriesBody ? tried.version : now.sentVersion,
      tried: null,
    }));
  };

  const refuse = (maskId: MaskId, error: ApiError): Promise<unknown> => {
    const refusal: Refusal = {
      code: error.code,
      message: error.message,
      status: error.status,
      current: error.body["current"] ?? null,
    };
    return update(maskId, (record) => ({ ...record, refusal, tried: null }));
  };

  /** Sends record after record; returns what stopped it, or null when nothing waits. */
  const sendAll = async (): Promise<unknown> => {
    for (;;) {
      const record = (await records()).find((candidate) => candidate.refusal === null);
      if (record === undefined) return null;
      try {
        await sendOne(record);
        pauses.reset();
        await publish("saving");
      } catch (error) {
        if (!(error instanceof ApiError) || isPassing(error)) return error;
        await refuse(record.maskId, error);
        await publish("saving");
      }
    }
  };

  const flush = (): Promise<void> => {
    if (sending !== null) return sending;
    pauses.stop();
    sending = alone(sendAll)
      .then(async (reason) => {
        sending = null;
        await publish(reason === null ? undefined : "offline");
        if (reason !== null && !isClosed) pauses.wait(reason, () => void flush());
        // Something may have come in after the last look.
        else if (!isClosed && state.getState().waiting > storing) void flush();
      })
      .catch((error: unknown) => {
        sending = null;
        if (!isClosed) throw new Error(`the save queue stopped: ${messageOf(error)}`);
      });
    return sending;
  };

  const sendAgain = async (maskId: MaskId): Promise<void> => {
    await update(maskId, (record) => {
      const current = record.refusal?.current as Annotation | null | undefined;
      if (!current) return { ...record, refusal: null };
      // What was on the server before says nothing of the other's version.
      const server = serverMaskOf(current);
      return { ...record, refusal: null, server, sentVersion: isAsOn(server, record.body) ? record.version : 0 };
    });
    await publish();
    await flush();
  };

  const giveUp = async (maskId: MaskId): Promise<void> => {
    const record = await database.get("outbox", maskId);
    const current = record?.refusal?.current as Annotation | null | undefined;
    if (current) known.set(maskId, serverMaskOf(current));
    wantedHere.delete(maskId);
    await database.delete("outbox", maskId);
    await publish();
  };

  void publish().then(flush);
  return {
    state,
    know: (maskId, annotation) => void known.set(maskId, serverMaskOf(annotation)),
    want,
    annotationIdOf: (maskId) => known.get(maskId)?.annotationId ?? null,
    isNews(annotations, standing) {
      const byRevision = [...known.values()].sort((a, b) => a.revision - b.revision);
      const knownById = new Map(byRevision.map((server) => [server.annotationId, server]));
      const there = new Set(annotations.map(({ id }) => id));
      return (
        annotations.some(({ id, revision }) => revision > (knownById.get(id)?.revision ?? -1)) ||
        standing.some(({ id }) => !there.has(id) && knownById.get(id)?.state !== "gone")
      );
    },
    flush,
    recordsOf: async (imageId) => (await records()).filter((record) => record.imageId === imageId),
    sendAgain,
    giveUp,
    close() {
      isClosed = true;
      pauses.stop();
      channel.close();
    },
  };
}

/** One sender over all tabs; where the browser has no locks (plain HTTP), the keys keep the server from taking one twice. */
function alone<T>(work: () => Promise<T>): Promise<T> {
  if (!("locks" in navigator)) return work();
  return navigator.locks.request("segloop-outbox", work) as Promise<T>;
}
