// The annotator's queue: an image is lent, finished or put aside; then the next one comes. One that is at hand is shown at
// once, and lent behind that.
import { ApiError } from "../api/errors";
import { words } from "../words/workspace";
import { type AtHand, createAhead } from "./ahead";
import type { Editing } from "./editing";
import { createGathering, type Gathered } from "./gathering";
import { allSaved, createHandOver, type Told } from "./handover";
import { createLease, giveBack } from "./lease";
import type { Asker } from "./predict/asker";
import type { Decoding } from "./predict/decoding";
import type { Database } from "./save/database";
import type { Outbox } from "./save/outbox";
import { isGone, lend, listAnnotations, type NextIn, release, skip, type StageName, type WorkItem } from "./server";
import { afterFrame, createShowing } from "./showing";
import { docOf, type Phase, reviewIn, type Store } from "./state";

export interface Queue {
  /** Opens an image, or the next one that waits. */
  open(imageId: number | null): Promise<void>;
  finish(): Promise<void>;
  skip(reason: string): Promise<void>;
  /** The photo that was finished or put aside last, once more; the open one goes back to the queue. */
  back(): Promise<void>;
  /** After a lost lease: the same image again, or the next one. */
  retake(): Promise<void>;
  goOn(): Promise<void>;
  /** From now on only images of this stage, or of any; one of another stage that is open goes back to the queue. */
  setStage(stage: StageName | null): Promise<void>;
  /** The server is back. */
  hurry(): void;
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

export function createQueue(store: Store, parts: QueueParts): Queue {
  const { projectId, outbox, decoding } = parts;
  const lease = createLease(store);
  const showing = createShowing(store, parts);
  const gathering = createGathering(parts);
  const ahead = createAhead(projectId, { decoding, gathering, onChange: (nextImageId) => store.setState({ nextImageId }) });
  const handOver = createHandOver(store, parts);
  // Each tab remembers its own, so that a reload asks for the same.
  const stageKey = `segloop-stage-${projectId}`;
  store.setState({ wantedStage: sessionStorage.getItem(stageKey) as StageName | null });
  const left: number[] = [];
  let opening = new AbortController();
  /** Over when the open photo is lent. */
  let behind: Promise<void> = Promise.resolve();
  let isCaughtUp = false;
  let isClosed = false;

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
    lease.drop();
    if (isClosed) opening.abort();
    return opening.signal;
  };

  const borrow = async (wanted: Wanted): Promise<Lent> => {
    const stage = wanted.image_id === undefined ? store.getState().wantedStage : null;
    const prefer = wanted.image_id === undefined ? ahead.imageId() : null;
    const lending = lend(projectId, { ...wanted, ...(stage === null ? {} : { stage }), ...(prefer === null ? {} : { prefer }) });
    // While the server lends it; not before what was kept there has arrived, or the list could lack it.
    const gathered = prefer === null || outbox.state.getState().waiting > 0 ? null : gathering.gather(prefer);
    gathered?.catch(() => undefined); // asked again in earnest
    const work = await lending;
    return { work, gathered: work?.image.id === prefer ? gathered : null };
  };

  const openNow = async (wanted: Wanted, lent?: Lent): Promise<void> => {
    const signal = begin();
    let work: WorkItem | null = null;
    try {
      if (lent === undefined) showing.clear({});
      const refused = isCaughtUp ? [] : await handOver.catchUp();
      isCaughtUp = true;
      const { gathered, ...borrowed } = lent ?? (await borrow(wanted));
      work = borrowed.work;
      if (isClosed && work !== null) return await giveBack(work);
      if (signal.aborted) return;
      const notice = refused.map((one) => words.notice.notFinished(one.imageName, one.message)).join(" ") || null;
      if (work === null) {
        parts.onImage(null);
        return showing.clear({ phase: { kind: "empty" }, notice });
      }
      lease.keep(work);
      const { id } = work.image;
      const asked = gathered?.catch(() => gathering.gatherSaved(id)) ?? gathering.gatherSaved(id);
      const { decoded } = await showing.show(work, ahead.take(id)?.picture ?? null, asked, signal);
      if (notice !== null) store.setState({ notice });
      lookAhead(decoded, signal);
    } catch (error) {
      if (signal.aborted) return;
      showing.clear({ phase: phaseOf(error), work });
      if (error instanceof ApiError && error.status === 401) void parts.sessionIsBack().then(() => openNow(wanted));
    }
  };

  const open = async (wanted: Wanted): Promise<void> => {
    await behind;
    await openNow(wanted);
  };

  const lookAhead = (decoded: Promise<void>, signal: AbortSignal): void =>
    void afterFrame().then(() => (signal.aborted ? undefined : ahead.fetch(store.getState().wantedStage, decoded, signal)));

  /** The next photo at once; the server hears of the last one behind it, and lends the one that is shown. */
  const showNext = async (last: WorkItem, { work, picture, gathered }: AtHand): Promise<void> => {
    const signal = begin();
    const remaining = work.stage === last.stage ? work.remaining - 1 : work.remaining;
    const shown = showing.show({ ...work, remaining }, picture, gathered, signal);
    const telling = handOver.tell(last, work.image.id);
    behind = Promise.all([telling, shown]).then(
      ([told, { decoded }]) => settle(told, { work, gathered, last }, decoded, signal),
      (error: unknown) => showing.clear({ phase: phaseOf(error) }),
    );
    await shown;
  };

  interface Shown {
    readonly work: WorkItem;
    readonly gathered: Gathered;
    readonly last: WorkItem;
  }

  /** The server has answered: most often the photo that is shown is lent, as it is shown. */
  const settle = async ({ lent, refusal }: Told, { work, gathered, last }: Shown, decoded: Promise<void>, signal: AbortSignal): Promise<void> => {
    if (isClosed) return lent === null ? undefined : giveBack(lent);
    if (lent?.id !== work.id) {
      await openNow({}, { work: lent, gathered: null });
      store.setState({ notice: words.notice.passedOver(work.image.file_name) });
    } else {
      store.setState({ work: lent });
      lease.keep(lent);
      const standing = await listAnnotations(work.image.id).catch(() => null);
      if (signal.aborted) return;
      if (standing !== null && outbox.isNews(standing, gathered.standing)) await openNow({}, { work: lent, gathered: null });
      else lookAhead(decoded, signal);
    }
    if (refusal !== null) store.setState({ notice: words.notice.notFinished(last.image.file_name, refusal.message) });
  };

  /** Does what ends an image, one at a time and on one that is lent. */
  const end = async (way: (work: WorkItem) => Promise<void>): Promise<void> => {
    const { work: open, isFinishing } = store.getState();
    if (open === null || isFinishing) return;
    store.setState({ isFinishing: true, notice: null });
    try {
      await behind;
      const { work } = store.getState();
      if (work?.id === open.id) await way(work);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "lease_lost") store.setState({ isLeaseLost: true });
      else if (isGone(error)) store.setState({ phase: { kind: "gone", message: error.message } });
      else store.setState({ notice: error.message });
    } finally {
      if (store.getState().work?.id === open.id) store.setState({ isFinishing: false });
    }
  };

  /** Whether a mask that is neither kept nor dropped yet holds the photo up; that is said. */
  const isHeldUp = (): boolean => {
    const isOpen = docOf(store.getState()).draft.prompts.length > 0;
    if (isOpen) store.setState({ notice: words.notice.openDraft });
    return isOpen;
  };

  /** Waits until all is saved; whether the photo is still the one that is shown then. */
  const savedFirst = async (work: WorkItem): Promise<boolean> => {
    const { waiting } = outbox.state.getState();
    if (waiting > 0) {
      store.setState({ notice: words.notice.unsaved(waiting) });
      await allSaved(outbox);
    }
    return store.getState().work?.id === work.id;
  };

  // The person goes on while it waits: what was begun then is not carried off.
  const finishNow = async (work: WorkItem): Promise<void> => {
    if (isHeldUp()) return;
    const next = ahead.take(ahead.imageId() ?? 0);
    if (next !== null) await showNext(work, next);
    else {
      if (!(await savedFirst(work)) || isHeldUp()) return;
      store.setState({ phase: { kind: "loading" } }); // nothing is begun any more
      const lending = borrow({ finish: { work_id: work.id, lease_token: work.lease_token ?? "" } });
      const lent = await lending.catch((error: unknown) => {
        store.setState({ phase: { kind: "working" } });
        throw error;
      });
      await openNow({}, lent);
    }
    left.push(work.image.id);
  };

  return {
    open: (imageId) => open(imageId === null ? {} : { image_id: imageId }),
    async finish() {
      const state = store.getState();
      const undecided = reviewIn(state).left;
      if (state.phase.kind !== "working" || isHeldUp()) return;
      if (undecided > 0 && !state.isWarnedOfLeft) store.setState({ notice: words.notice.left(undecided), isWarnedOfLeft: true });
      else await end(finishNow);
    },
    skip: (reason) =>
      end(async (work) => {
        if (!(await savedFirst(work))) return;
        await skip(work, reason);
        await openNow({ after: work.id });
        left.push(work.image.id);
      }),
    async back() {
      const imageId = left.at(-1);
      if (isHeldUp()) return;
      if (imageId === undefined) store.setState({ notice: words.notice.noneBefore });
      else {
        left.pop();
        await open({ image_id: imageId });
      }
    },
    async retake() {
      const { work } = store.getState();
      if (work !== null) await open({ image_id: work.image.id });
    },
    goOn: () => open({}),
    async setStage(stage) {
      const { work } = store.getState();
      if (isHeldUp()) return;
      store.setState({ wantedStage: stage });
      ahead.forget();
      if (stage === null) sessionStorage.removeItem(stageKey);
      else sessionStorage.setItem(stageKey, stage);
      if (work === null) await open({});
      else if (stage !== null && work.stage !== stage) await end(async (held) => {
        if (!(await savedFirst(held)) || isHeldUp()) return;
        await release(held);
        await openNow({});
      });
    },
    hurry: handOver.hurry,
    close() {
      isClosed = true;
      opening.abort();
      ahead.close();
      lease.drop();
      handOver.close();
      const state = store.getState();
      const isUnsaved = docOf(state).draft.prompts.length > 0 || outbox.state.getState().waiting > 0;
      const isHeld = state.work !== null && state.work.lease_token !== null;
      if (isHeld && !state.isLeaseLost && !state.isFinishing && !isUnsaved) void giveBack(state.work);
    },
  };
}
