// Puts a photo on the screen, with all that goes with it; one that is at hand takes the place of the last in a single step.
import { apply, EMPTY_DOC } from "../canvas/document";
import { startWith } from "../canvas/history";
import { closePicture, type Picture } from "../canvas/render/picture";
import { words } from "../words/workspace";
import type { Editing } from "./editing";
import { NO_EFFORT, touch } from "./effort";
import type { Gathered } from "./gathering";
import type { Asker } from "./predict/asker";
import type { Decoding } from "./predict/decoding";
import type { Outbox } from "./save/outbox";
import { loadPicture, type WorkItem } from "./server";
import { FRESH_IMAGE, reviewIn, type Store, type WorkspaceState } from "./state";

export interface Showing {
  /** In place of what is on the screen: `next`, and of the image before nothing. */
  clear(next: Partial<WorkspaceState>): void;
  /** `atHand`: its decoded picture. Resolves once it is shown; what comes back, when the model is ready for it. */
  show(work: WorkItem, atHand: Picture | null, asked: Promise<Gathered> | Gathered, signal: AbortSignal): Promise<{ readonly decoded: Promise<void> }>;
}

interface ShowingParts {
  readonly outbox: Outbox;
  readonly asker: Asker;
  readonly decoding: Decoding;
  readonly editing: Editing;
  /** Another image is open: the address of the page should say so. */
  readonly onImage: (imageId: number | null) => void;
}

/** A photo that was fetched ahead is there by then. */
const AT_ONCE_MS = 5;

export function createShowing(store: Store, { outbox, asker, decoding, editing, onImage }: ShowingParts): Showing {
  const clear: Showing["clear"] = (next) => {
    asker.forget();
    const last = store.getState().picture;
    store.setState({ ...FRESH_IMAGE, phase: { kind: "loading" }, work: null, ...next });
    closePicture(last);
  };

  const show: Showing["show"] = async (work, atHand, asked, signal) => {
    if (atHand === null) {
      clear({ work });
      onImage(work.image.id);
    }
    const picture = atHand === null ? loadPicture(work.image.id, "display", signal) : Promise.resolve(atHand);
    // The model comes after the photo: what is seen goes before what may be clicked.
    const decoded = picture.then(afterFrame).then(() => (signal.aborted ? undefined : decoding.open(work.image.id)));
    decoded.catch(() => undefined); // of the picture, which is awaited below; until then a failure is not lost but waits
    if (atHand === null) void showThumbnail(work.image.id, picture, signal);
    const gathered = asked instanceof Promise ? await asked.catch((error: unknown) => closing(atHand, error)) : asked;
    if (signal.aborted) {
      closePicture(atHand);
      return { decoded };
    }
    const working = workingWith(work, gathered);
    if (atHand === null) store.setState(working);
    else {
      clear({ ...working, work, picture: atHand, isPictureSharp: true });
      onImage(work.image.id);
    }
    store.setState({ selectedId: reviewIn(store.getState()).ids[0] ?? null });
    resume(gathered);
    if (atHand === null) showSharp(await picture, signal);
    return { decoded };
  };

  const workingWith = (work: WorkItem, { standing, masks }: Gathered): Partial<WorkspaceState> => {
    standing.forEach((annotation, i) => outbox.know(masks[i]?.id ?? "", annotation));
    return {
      phase: { kind: "working" },
      history: startWith(apply(EMPTY_DOC, { kind: "load", masks })),
      proposed: masks.filter((mask) => mask.state === "proposed" || mask.origin === "detector").length,
      effort: touch(NO_EFFORT, performance.now()),
      // Where there is no mask to select, the next thing is to make one.
      ...(masks.length === 0 && store.getState().tool === "select" ? { tool: "point" } : {}),
      announcement: words.announce.image(work.image.file_name),
    };
  };

  const resume = ({ draft, masks }: Gathered): void => {
    if (draft === null) return;
    store.setState({ newCategoryId: draft.categoryId, selectedId: null });
    const isBaseThere = masks.some((mask) => mask.id === draft.draft.base);
    editing.resume({ ...draft.draft, base: isBaseThere ? draft.draft.base : null }, draft.clicks, draft.activeSeconds);
  };

  const showSharp = (sharp: Picture, signal: AbortSignal): void => {
    if (signal.aborted) return closePicture(sharp);
    const thumbnail = store.getState().picture;
    store.setState({ picture: sharp, isPictureSharp: true });
    closePicture(thumbnail);
  };

  /** A first impression of a photo that takes its time. */
  const showThumbnail = async (imageId: number, picture: Promise<Picture>, signal: AbortSignal): Promise<void> => {
    const isThere = await Promise.race([picture.then(() => true, () => true), new Promise<false>((done) => setTimeout(() => done(false), AT_ONCE_MS))]);
    if (isThere || signal.aborted) return;
    const thumbnail = await loadPicture(imageId, "thumbnail", signal).catch(() => null);
    if (thumbnail === null) return;
    if (signal.aborted || store.getState().isPictureSharp) closePicture(thumbnail);
    else store.setState({ picture: thumbnail });
  };

  return { clear, show };
}

function closing(picture: Picture | null, error: unknown): never {
  closePicture(picture);
  throw error;
}

const HIDDEN_MS = 200;

/** Once the next frame is on the screen; where none comes, in a hidden tab, a moment later. */
export function afterFrame(): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, HIDDEN_MS);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      setTimeout(done);
    });
  });
}
