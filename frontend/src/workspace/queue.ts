// The annotator's queue: an image is lent, kept by a heartbeat, finished or put aside; then the next one comes.
import { EMPTY_DOC, apply } from "../canvas/document";
import { startWith } from "../canvas/history";
import { closePicture } from "../canvas/render/picture";
import { ApiError } from "../api/errors";
import type { Editing } from "./editing";
import { NO_EFFORT, touch } from "./effort";
import { maskOfAnnotation, maskOfRecord } from "./masks";
import type { Asker } from "./predict/asker";
import type { Database } from "./save/database";
import { findDraft } from "./save/drafts";
import type { Outbox } from "./save/outbox";
import {
  finish, heartbeat, isGone, lend, listAnnotations, loadPicture, prefetchNext, release, skip, type StageName, type WorkItem,
} from "./server";
import { docOf, FRESH_IMAGE, type Phase, reviewIn, type Store } from "./state";
import { strings } from "./strings";

export interface Queue {
  /** Opens an image, or the next one that waits. */
  open(imageId: number | null): Promise<void>;
  finish(): Promise<void>;
  skip(reason: string): Promise<void>;
  /** After a lost lease: the same image again, or the next one. */
  retake(): Promise<void>;
  goOn(): Promise<void>;
  /** From now on only images of this stage, or of any; one of another stage that is open goes back to the queue. */
  setStage(stage: StageName | null): Promise<void>;
  close(): void;
}

interface QueueParts {
  readonly projectId: number;
  readonly userId: number;
  readonly database: Database;
  readonly outbox: Outbox;
  readonly asker: Asker;
  readonly editing: Editing;
  readonly sessionIsBack: () => Promise<void>;
  /** Another image is open: the address of the page should say so. */
  readonly onImage: (imageId: number | null) => void;
}

const FIRST_HEARTBEAT_SHARE = 1 / 3;
const RETRY_MS = 3000;

export function createQueue(store: Store, parts: QueueParts): Queue {
  const { projectId, userId, database, outbox, asker, editing } = parts;
  // Each tab remembers its own, so that a reload asks for the same.
  const stageKey = `segloop-stage-${projectId}`;
  store.setState({ wantedStage: sessionStorage.getItem(stageKey) as StageName | null });
  let opening = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const beat = (work: WorkItem): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void beatOnce(work), work.lease_seconds * 1000 * FIRST_HEARTBEAT_SHARE);
  };
  const beatOnce = async (work: WorkItem): Promise<void> => {
    try {
      const renewed = await heartbeat(work);
      const isSame = store.getState().work?.id === work.id;
      if (isSame) beat({ ...work, lease_seconds: renewed.lease_seconds });
    } catch (error) {
      if (store.getState().work?.id !== work.id) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "lease_lost") store.setState({ isLeaseLost: true });
      else if (isGone(error)) store.setState({ phase: { kind: "gone", message: error.message } });
      else beat({ ...work, lease_seconds: RETRY_MS / 1000 / FIRST_HEARTBEAT_SHARE });
    }
  };

  /** What a failure to open means for the screen; an ended session only waits for the sign-in over the page. */
  const phaseOf = (error: unknown): Phase => {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "already_claimed") return { kind: "taken", message: error.message };
    if (isGone(error)) return { kind: "gone", message: error.message };
    return error.status === 403 ? { kind: "gone", message: strings.noRole } : { kind: "failed", error };
  };

  const open = async (wanted: { image_id?: number; after?: number }): Promise<void> => {
    opening.abort();
    opening = new AbortController();
    clearTimeout(timer);
    const { signal } = opening;
    asker.forget();
    const last = store.getState().picture;
    store.setState({ ...FRESH_IMAGE, phase: { kind: "loading" }, work: null });
    closePicture(last);
    try {
      const stage = wanted.image_id === undefined ? store.getState().wantedStage : null;
      const work = await lend(projectId, stage === null ? wanted : { ...wanted, stage });
      if (signal.aborted) return;
      if (work === null) {
        parts.onImage(null);
        return store.setState({ phase: { kind: "empty" } });
      }
      beat(work);
      await load(work, signal);
    } catch (error) {
      if (signal.aborted) return;
      store.setState({ phase: phaseOf(error) });
      if (error instanceof ApiError && error.status === 401) void parts.sessionIsBack().then(() => open(wanted));
    }
  };

  const load = async (work: WorkItem, signal: AbortSignal): Promise<void> => {
    store.setState({ work });
    parts.onImage(work.image.id);
    const picture = loadPicture(work.image.id, "display", signal);
    picture.catch(() => undefined); // awaited below; until then a failure is not lost but waits
    void loadPicture(work.image.id, "thumbnail", signal).then(
      (thumbnail) => {
        if (signal.aborted || store.getState().isPictureSharp) closePicture(thumbnail);
        else store.setState({ picture: thumbnail });
      },
      () => undefined, // only a first impression
    );
    await outbox.flush(); // so that the list holds what was kept before a reload
    const [annotations, records, draft] = await Promise.all([
      listAnnotations(work.image.id),
      outbox.recordsOf(work.image.id),
      findDraft(database, userId, work.image.id),
    ]);
    if (signal.aborted) return;
    const waitingIds = new Set(records.map((record) => record.server?.annotationId));
    const standing = annotations.filter((annotation) => !waitingIds.has(annotation.id));
    const masks = [
      ...standing.map((annotation) => maskOfAnnotation(annotation)),
      ...records.filter((record) => record.wanted === "kept").map(maskOfRecord),
    ];
    standing.forEach((annotation, i) => outbox.know(masks[i]?.id ?? "", annotation));
    store.setState({
      phase: { kind: "working" },
      history: startWith(apply(EMPTY_DOC, { kind: "load", masks })),
      proposed: masks.filter((mask) => mask.state === "proposed" || mask.origin === "detector").length,
      effort: touch(NO_EFFORT, performance.now()),
      announcement: strings.announce.image(work.image.file_name),
    });
    store.setState({ selectedId: reviewIn(store.getState()).ids[0] ?? null });
    if (draft !== null) {
      store.setState({ newCategoryId: draft.categoryId, selectedId: null });
      const isBaseThere = masks.some((mask) => mask.id === draft.draft.base);
      editing.resume({ ...draft.draft, base: isBaseThere ? draft.draft.base : null }, draft.clicks, draft.activeSeconds);
    }
    const sharp = await picture;
    if (signal.aborted) return closePicture(sharp);
    const thumbnail = store.getState().picture;
    store.setState({ picture: sharp, isPictureSharp: true });
    closePicture(thumbnail);
    void prefetchNext(projectId).catch(() => undefined); // a convenience; what fails here is asked again in earnest
  };

  /** Ends the image in the given way and opens the next one. */
  const end = async (way: (work: WorkItem) => Promise<unknown>, passOver: boolean): Promise<void> => {
    const { work, isFinishing } = store.getState();
    if (work === null || isFinishing) return;
    store.setState({ isFinishing: true, notice: null });
    try {
      await outbox.flush();
      const waiting = outbox.state.getState().waiting;
      if (waiting > 0) {
        store.setState({ notice: strings.notice.unsaved(waiting) });
        await allSaved(outbox);
      }
      await way(work);
      await open(passOver ? { after: work.id } : {});
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "lease_lost") store.setState({ isLeaseLost: true });
      else if (isGone(error)) store.setState({ phase: { kind: "gone", message: error.message } });
      else store.setState({ notice: error.message });
    } finally {
      if (store.getState().work?.id === work.id) store.setState({ isFinishing: false });
    }
  };

  return {
    open: (imageId) => open(imageId === null ? {} : { image_id: imageId }),
    async finish() {
      const state = store.getState();
      const { left } = reviewIn(state);
      if (docOf(state).draft.prompts.length > 0) store.setState({ notice: strings.notice.openDraft });
      else if (left > 0 && !state.isWarnedOfLeft) store.setState({ notice: strings.notice.left(left), isWarnedOfLeft: true });
      else await end(finish, false);
    },
    skip: (reason) => end((work) => skip(work, reason), true),
    async retake() {
      const { work } = store.getState();
      if (work !== null) await open({ image_id: work.image.id });
    },
    goOn: () => open({}),
    async setStage(stage) {
      const { work, history } = store.getState();
      if (history.now.draft.prompts.length > 0) return store.setState({ notice: strings.notice.openDraft });
      store.setState({ wantedStage: stage });
      if (stage === null) sessionStorage.removeItem(stageKey);
      else sessionStorage.setItem(stageKey, stage);
      if (work === null) await open({});
      else if (stage !== null && work.stage !== stage) await end(release, false);
    },
    close() {
      opening.abort();
      clearTimeout(timer);
    },
  };
}

function allSaved(outbox: Outbox): Promise<void> {
  return new Promise((done) => {
    const unsubscribe = outbox.state.subscribe(({ waiting }) => {
      if (waiting > 0) return;
      unsubscribe();
      done();
    });
  });
}
