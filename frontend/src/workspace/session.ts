// One person at one project: puts the workspace's parts together and takes them apart again.
import { connection } from "../api/connection";
import type { Category } from "../api/types";
import { words } from "../words/workspace";
import { createEditing, type Editing } from "./editing";
import { secondsAt } from "./effort";
import { type Asked, createAsker } from "./predict/asker";
import { serverMaskId } from "./masks";
import { type Closer, createCloser } from "./predict/closer";
import { createDecoding, type Decoding } from "./predict/decoding";
import { createHover, type Hover } from "./predict/hover";
import { shownIndex, scoreWord } from "./predict/predictor";
import { createQueue, type Queue } from "./queue";
import { type Database, openDatabase } from "./save/database";
import { saveDraft } from "./save/drafts";
import { createOutbox, type Outbox } from "./save/outbox";
import { annotationCalls, isGone } from "./server";
import { createWorkspaceStore, docOf, type Store } from "./state";

export interface Session {
  readonly store: Store;
  readonly editing: Editing;
  readonly queue: Queue;
  readonly outbox: Outbox;
  readonly decoding: Decoding;
  readonly closer: Closer;
  readonly hover: Hover;
  retryModel(): void;
  setCategories(categories: readonly Category[]): void;
  close(): void;
}

interface SessionOptions {
  readonly projectId: number;
  readonly userId: number;
  readonly onImage: (imageId: number | null) => void;
}

export async function createSession({ projectId, userId, onImage }: SessionOptions): Promise<Session> {
  const store = createWorkspaceStore();
  const database = await openDatabase();
  const outbox = createOutbox({ database, userId, calls: annotationCalls, sessionIsBack });
  const decoding = createDecoding();
  const hover = createHover(store, decoding);
  const closer = createCloser(decoding);
  const asker = createAsker(closer, (asked) => showAsked(store, asked));
  const editing = createEditing(store, { outbox, asker });
  const queue = createQueue(store, { projectId, userId, database, outbox, asker, decoding, editing, sessionIsBack, onImage });
  const stopKeeping = keepDrafts(store, { database, userId, outbox });
  const stopAnnouncing = outbox.state.subscribe((now, before) => {
    if (now.kind === "offline" && now.waiting > 0 && (before.kind !== "offline" || before.waiting !== now.waiting)) {
      store.setState({ announcement: words.announce.offline(now.waiting) });
    }
    if (now.kind === "saved" && before.kind === "offline") store.setState({ announcement: words.announce.saved });
  });
  // The server is back: what waits goes out at once.
  const stopListening = connection.subscribe((now, before) => {
    const isBack = (before.isLost && !now.isLost) || (before.isSessionExpired && !now.isSessionExpired);
    if (!isBack) return;
    void outbox.flush();
    queue.hurry();
    if (store.getState().asked.state.kind === "waiting") asker.retry();
  });

  return {
    store,
    editing,
    queue,
    outbox,
    decoding,
    closer,
    hover,
    retryModel: () => asker.retry(),
    setCategories: (categories) => store.setState({ categories }),
    close() {
      stopKeeping();
      stopAnnouncing();
      stopListening();
      queue.close();
      asker.close();
      closer.close();
      hover.close();
      decoding.close();
      outbox.close();
    },
  };
}

function showAsked(store: Store, asked: Asked): void {
  const { state, answer, isFresh } = asked;
  const before = store.getState();
  const isNews = isFresh && answer !== before.asked.answer;
  const isOtherModel = isNews && answer !== null && before.modelVersion !== null && before.modelVersion !== answer.modelVersion;
  const best = isNews && answer !== null ? answer.masks[shownIndex(answer, null)] : undefined;
  const word = best === undefined ? "" : words.score[scoreWord(best.predicted_iou)].toLowerCase();
  const isMissing = state.kind === "refused" && state.error !== null && isGone(state.error);
  store.setState({
    asked,
    ...(isFresh ? { isEmbedded: true } : {}),
    ...(isNews && answer !== null ? { modelVersion: answer.modelVersion } : {}),
    ...(isOtherModel ? { notice: words.notice.otherModel(answer.modelVersion) } : {}),
    ...(best === undefined ? {} : { announcement: words.announce.answer(answer?.masks.length ?? 0, word) }),
    ...(state.kind === "refused" ? { notice: words.notice.refusedPrompt(state.message) } : {}),
    ...(isMissing ? { phase: { kind: "gone" as const, message: state.message } } : {}),
  });
}

/** Resolves when the person is signed in again. */
function sessionIsBack(): Promise<void> {
  return new Promise((done) => {
    if (!connection.getState().isSessionExpired) return done();
    const unsubscribe = connection.subscribe(({ isSessionExpired }) => {
      if (isSessionExpired) return;
      unsubscribe();
      done();
    });
  });
}

interface DraftParts {
  readonly database: Database;
  readonly userId: number;
  readonly outbox: Outbox;
}

/** Writes the draft at each change; the last state wins when changes come faster than the store writes. */
function keepDrafts(store: Store, { database, userId, outbox }: DraftParts): () => void {
  const write = (): void => {
    const state = store.getState();
    if (state.work === null || state.phase.kind !== "working") return;
    const { clicks } = state.effort;
    const activeSeconds = secondsAt(state.effort, performance.now());
    const { draft: prompted } = docOf(state);
    // After a reload a mask goes by the server's number.
    const annotationId = prompted.base === null ? null : outbox.annotationIdOf(prompted.base);
    const base = annotationId === null ? prompted.base : serverMaskId(annotationId);
    const draft = { draft: { ...prompted, base }, clicks, activeSeconds, categoryId: state.newCategoryId };
    void saveDraft(database, { userId, imageId: state.work.image.id, ...draft, savedAt: Date.now() }).catch(
      (error: unknown) => store.setState({ notice: words.notice.storage(String(error)) }),
    );
  };
  const onHide = (): void => {
    // For the time spent; the prompts are stored already.
    if (document.visibilityState === "hidden" && docOf(store.getState()).draft.prompts.length > 0) write();
  };
  const unsubscribe = store.subscribe((now, before) => {
    if (now.work?.id === before.work?.id && docOf(now).draft !== docOf(before).draft) write();
  });
  document.addEventListener("visibilitychange", onHide);
  return () => {
    unsubscribe();
    document.removeEventListener("visibilitychange", onHide);
  };
}
