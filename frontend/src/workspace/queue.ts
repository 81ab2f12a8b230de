// The annotator's queue: an image is lent, kept by a heartbeat, finished or put aside; then the next one comes.
import { EMPTY_DOC, apply } from "../canvas/document";
import { startWith } from "../canvas/history";
import { closePicture, type Picture } from "../canvas/render/picture";
import { ApiError } from "../api/errors";
import { words } from "../words/workspace";
import { createAhead } from "./ahead";
import type { Editing } from "./editing";
import { NO_EFFORT, touch } from "./effort";
import { maskOfAnnotation, maskOfRecord, type NewMask } from "./masks";
import type { Asker } from "./predict/asker";
import type { Decoding } from "./predict/decoding";
import type { Database, DraftRecord } from "./save/database";
import { findDraft } from "./save/drafts";
import type { Outbox } from "./save/outbox";
import { tabLock } from "./tabLock";
import {
  type Annotation, heartbeat, isGone, lend, listAnnotations, loadPicture, type NextIn, release, skip, type StageName, type WorkItem,
} from "./server";
import { docOf, FRESH_IMAGE, type Phase, reviewIn, type Store, type WorkspaceState } from "./state";

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
  readonly decoding: Decoding;
  readonly editing: Editing;
  readonly sessionIsBack: () => Promise<void>;
  /** Another image is open: the address of the page should say so. */
  readonly onImage: (imageId: number | null) => void;
}

type Wanted = Pick<NextIn, "image_id" | "after" | "finish">;

/** What the server lent, if there was anything, and what goes with it as far as that was asked for already. */
interface Lent {
  readonly work: WorkItem | null;
  readonly gathered: Promise<Gathered> | null;
}

interface Gathered {
  readonly standing: readonly Annotation[];
  readonly masks: readonly NewMask[];
  readonly draft: DraftRecord | null;
}

const FIRST_HEARTBEAT_SHARE = 1 / 3;
const RETRY_MS = 3000;
/** A photo that was fetched ahead is there by then. */
const AT_ONCE_MS = 5;
/** A tab lets go of its lock much sooner. */
const LAST_TAB_MS = 2000;

export function createQueue(store: Store, parts: QueueParts): Queue {
  const { projectId, userId, database, outbox, asker, decoding, editing } = parts;
  const ahead = createAhead(projectId, decoding);
  // Each tab remembers its own, so that a reload asks for the same.
  const stageKey = `segloop-stage-${projectId}`;
  store.setState({ wantedStage: sessionStorage.getItem(stageKey) as StageName | null });
  let opening = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;

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
    return error.status === 403 ? { kind: "gone", message: words.noRole } : { kind: "failed", error };
  };

  /** What was being opened, or kept open, no longer is; what is opened next goes by this signal. */
  const begin = (): AbortSignal => {
    opening.abort();
    opening = new AbortController();
    clearTimeout(timer);
    if (isClosed) opening.abort();
    return opening.signal;
  };

  /** In place of what is on the screen: `next`, and of the image before nothing. */
  const show = (next: Partial<WorkspaceState>): void => {
    asker.forget();
    const last = store.getState().picture;
    store.setState({ ...FRESH_IMAGE, phase: { kind: "loading" }, work: null, ...next });
    closePicture(last);
  };

  const borrow = async (wanted: Wanted): Promise<Lent> => {
    const stage = wanted.image_id === undefined ? store.getState().wantedStage : null;
    const prefer = wanted.image_id === undefined ? ahead.imageId() : null;
    const lending = lend(projectId, { ...wanted, ...(stage === null ? {} : { stage }), ...(prefer === null ? {} : { prefer }) });
    // While the server lends it; not before what was kept there has arrived, or the list could lack it.
    const gathered = prefer === null || outbox.state.getState().waiting > 0 ? null : gather(prefer);
    gathered?.catch(() => undefined); // asked again in earnest
    const work = await lending;
    return { work, gathered: work?.image.id === prefer ? gathered : null };
  };

  const open = async (wanted: Wanted, lent?: Lent): Promise<void> => {
    const signal = begin();
    let work: WorkItem | null = null;
    try {
      if (lent === undefined) show({});
      const { gathered, ...borrowed } = lent ?? (await borrow(wanted));
      work = borrowed.work;
      if (isClosed && work !== null) return await giveBack(work, projectId);
      if (signal.aborted) return;
      if (work === null) {
        parts.onImage(null);
        return show({ phase: { kind: "empty" } });
      }
      beat(work);
      await load(work, signal, gathered);
    } catch (error) {
      if (signal.aborted) return;
      show({ phase: phaseOf(error), work });
      if (error instanceof ApiError && error.status === 401) void parts.sessionIsBack().then(() => open(wanted));
    }
  };

  const load = async (work: WorkItem, signal: AbortSignal, gathered: Promise<Gathered> | null): Promise<void> => {
    const atHand = ahead.take(work.image.id);
    // A photo at hand takes the place of the last one in a single step, below.
    if (atHand === null) {
      show({ work });
      parts.onImage(work.image.id);
    }
    const picture = atHand === null ? loadPicture(work.image.id, "display", signal) : Promise.resolve(atHand);
    // The model comes after the photo: what is seen goes before what may be clicked.
    const decoded = picture.then(() => (signal.aborted ? undefined : decoding.open(work.image.id)));
    decoded.catch(() => undefined); // of the picture, which is awaited below; until then a failure is not lost but waits
    if (atHand === null) void loadThumbnail(work.image.id, picture, signal);
    const asked = gathered?.catch(() => gatherSaved(work.image.id)) ?? gatherSaved(work.image.id);
    const { standing, masks, draft } = await asked.catch((error: unknown) => {
      closePicture(atHand);
      throw error;
    });
    if (signal.aborted) return closePicture(atHand);
    standing.forEach((annotation, i) => outbox.know(masks[i]?.id ?? "", annotation));
    const working = {
      phase: { kind: "working" },
      history: startWith(apply(EMPTY_DOC, { kind: "load", masks })),
      proposed: masks.filter((mask) => mask.state === "proposed" || mask.origin === "detector").length,
      effort: touch(NO_EFFORT, performance.now()),
      announcement: words.announce.image(work.image.file_name),
    } as const;
    if (atHand === null) store.setState(working);
    else {
      show({ ...working, work, picture: atHand, isPictureSharp: true });
      parts.onImage(work.image.id);
    }
    store.setState({ selectedId: reviewIn(store.getState()).ids[0] ?? null });
    if (draft !== null) {
      store.setState({ newCategoryId: draft.categoryId, selectedId: null });
      const isBaseThere = masks.some((mask) => mask.id === draft.draft.base);
      editing.resume({ ...draft.draft, base: isBaseThere ? draft.draft.base : null }, draft.clicks, draft.activeSeconds);
    }
    if (atHand === null) {
      const sharp = await picture;
      if (signal.aborted) return closePicture(sharp);
      const thumbnail = store.getState().picture;
      store.setState({ picture: sharp, isPictureSharp: true });
      closePicture(thumbnail);
    }
    onceSeen(() => !signal.aborted && void ahead.fetch(store.getState().wantedStage, decoded, signal));
  };

  const gatherSaved = async (imageId: number): Promise<Gathered> => {
    await outbox.flush(); // so that the list holds what was kept before a reload
    return gather(imageId);
  };

  /** The masks of the image, first those `standing` on the server, then what it has yet to hear of; and the draft. */
  const gather = async (imageId: number): Promise<Gathered> => {
    const [annotations, records, draft] = await Promise.all([
      listAnnotations(imageId),
      outbox.recordsOf(imageId),
      findDraft(database, userId, imageId),
    ]);
    const waitingIds = new Set(records.map((record) => record.server?.annotationId));
    const standing = annotations.filter((annotation) => !waitingIds.has(annotation.id));
    const masks = [
      ...standing.map((annotation) => maskOfAnnotation(annotation)),
      ...records.filter((record) => record.wanted === "kept").map(maskOfRecord),
    ];
    return { standing, masks, draft };
  };

  /** A first impression of a photo that takes its time. */
  const loadThumbnail = async (imageId: number, picture: Promise<Picture>, signal: AbortSignal): Promise<void> => {
    const isThere = await Promise.race([picture.then(() => true, () => true), new Promise<false>((done) => setTimeout(() => done(false), AT_ONCE_MS))]);
    if (isThere || signal.aborted) return;
    const thumbnail = await loadPicture(imageId, "thumbnail", signal).catch(() => null);
    if (thumbnail === null) return;
    if (signal.aborted || store.getState().isPictureSharp) closePicture(thumbnail);
    else store.setState({ picture: thumbnail });
  };

  const savedFirst = async (): Promise<void> => {
    await outbox.flush();
    const { waiting } = outbox.state.getState();
    if (waiting === 0) return;
    store.setState({ notice: words.notice.unsaved(waiting) });
    await allSaved(outbox);
  };

  /** Ends the image in the given way and opens the next one, which may come with the answer. */
  const end = async (way: (work: WorkItem) => Promise<Lent | undefined>, passOver: boolean): Promise<void> => {
    const { work, isFinishing } = store.getState();
    if (work === null || isFinishing) return;
    // Asked before the page is drawn anew: the server works meanwhile.
    const going = outbox.state.getState().waiting > 0 ? null : way(work);
    going?.catch(() => undefined); // told below
    store.setState({ isFinishing: true, notice: null });
    try {
      if (going === null) await savedFirst();
      const lent = await (going ?? way(work));
      await open(passOver ? { after: work.id } : {}, lent);
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
      if (docOf(state).draft.prompts.length > 0) store.setState({ notice: words.notice.openDraft });
      else if (left > 0 && !state.isWarnedOfLeft) store.setState({ notice: words.notice.left(left), isWarnedOfLeft: true });
      else await end((work) => borrow({ finish: { work_id: work.id, lease_token: work.lease_token ?? "" } }), false);
    },
    skip: (reason) => end((work) => skip(work, reason).then(() => undefined), true),
    async retake() {
      const { work } = store.getState();
      if (work !== null) await open({ image_id: work.image.id });
    },
    goOn: () => open({}),
    async setStage(stage) {
      const { work, history } = store.getState();
      if (history.now.draft.prompts.length > 0) return store.setState({ notice: words.notice.openDraft });
      store.setState({ wantedStage: stage });
      if (stage === null) sessionStorage.removeItem(stageKey);
      else sessionStorage.setItem(stageKey, stage);
      if (work === null) await open({});
      else if (stage !== null && work.stage !== stage) await end((held) => release(held).then(() => undefined), false);
    },
    close() {
      isClosed = true;
      opening.abort();
      ahead.close();
      clearTimeout(timer);
      const state = store.getState();
      const isUnsaved = docOf(state).draft.prompts.length > 0 || outbox.state.getState().waiting > 0;
      if (state.work !== null && !state.isLeaseLost && !state.isFinishing && !isUnsaved) void giveBack(state.work, projectId);
    },
  };
}

/** Leaves the photo to others, unless another tab of this person works on it. Whatever fails here, the lease runs out. */
async function giveBack(work: WorkItem, projectId: number): Promise<void> {
  if (!("locks" in navigator)) return;
  const isAlone = navigator.locks.request(tabLock(projectId), { signal: AbortSignal.timeout(LAST_TAB_MS) }, () => true);
  await isAlone.then(() => release(work)).catch(() => undefined);
}

/** After the next frame is on the screen; in a hidden tab, once that is shown again. */
function onceSeen(then: () => void): void {
  requestAnimationFrame(() => setTimeout(then));
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
