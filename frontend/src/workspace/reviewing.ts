// Looking at finished photos: nothing is lent and nothing can be changed; each is accepted, or sent back with a reason.
import { createStore, type StoreApi } from "zustand/vanilla";
import { call, client } from "../api/client";
import { ApiError } from "../api/errors";
import { apply, type Doc, EMPTY_DOC, type Mask } from "../canvas/document";
import { startWith } from "../canvas/history";
import { areaOf, boundsOf, runsOf } from "../canvas/masks/rle";
import { closePicture } from "../canvas/render/picture";
import { words } from "../words/workspace";
import { maskOfAnnotation, serverMaskId } from "./masks";
import { type Annotation, isGone, listAnnotations, loadPicture, type WorkItem } from "./server";
import { neighbour } from "./review";
import { FRESH_IMAGE, type Store } from "./state";

const PROPOSAL = "-proposal";

export interface ReviewFacts {
  readonly annotations: readonly Annotation[];
  /** The outlines that the model had proposed are drawn over the masks that people made of them. */
  readonly isDifferenceShown: boolean;
  readonly isDeciding: boolean;
}

export interface Reviewing {
  readonly facts: StoreApi<ReviewFacts>;
  /** This finished photo, or the next that nobody has reviewed. */
  open(imageId: number | null): Promise<void>;
  accept(): Promise<void>;
  /** The reason also goes to the selected mask. */
  sendBack(reason: string): Promise<void>;
  pass(): Promise<void>;
  /** What could not be opened, once more. */
  again(): Promise<void>;
  toggleDifference(): void;
  /** Selects the next mask, or the one before. */
  step(by: 1 | -1): void;
  close(): void;
}

interface Wanted {
  readonly image_id?: number;
  readonly after_image?: number;
}

interface ReviewingOptions {
  readonly projectId: number;
  readonly onImage: (imageId: number | null) => void;
}

export function createReviewing(store: Store, { projectId, onImage }: ReviewingOptions): Reviewing {
  const facts = createStore<ReviewFacts>(() => ({ annotations: [], isDifferenceShown: false, isDeciding: false }));
  let opening = new AbortController();
  let last: Wanted = {};
  let isClosed = false;
  // Who points at the outline of a proposal means the mask that was made of it.
  const stopFollowing = store.subscribe(({ selectedId }) => {
    if (selectedId?.endsWith(PROPOSAL) === true) store.setState({ selectedId: selectedId.slice(0, -PROPOSAL.length) });
  });

  const fail = (error: unknown): void => {
    if (!(error instanceof ApiError)) throw error;
    const isRefused = isGone(error) || error.status === 403;
    store.setState({ phase: isRefused ? { kind: "gone", message: error.message } : { kind: "failed", error } });
  };

  /** The notice says why it is this one. */
  const open = async (wanted: Wanted, notice: string | null = null): Promise<void> => {
    if (isClosed) return;
    opening.abort();
    last = wanted;
    opening = new AbortController();
    const { signal } = opening;
    closePicture(store.getState().picture);
    store.setState({ ...FRESH_IMAGE, phase: { kind: "loading" }, work: null, tool: "select", notice });
    try {
      const work = await findToReview(projectId, wanted);
      if (signal.aborted) return;
      onImage(work?.image.id ?? null);
      if (work === null) return store.setState({ phase: { kind: "reviewed" } });
      store.setState({ work });
      const [annotations, picture] = await Promise.all([listAnnotations(work.image.id), loadPicture(work.image.id, "display", signal)]);
      if (signal.aborted) return closePicture(picture);
      facts.setState({ annotations, isDeciding: false });
      const history = startWith(docFor(facts.getState()));
      const announcement = words.announce.image(work.image.file_name);
      store.setState({ phase: { kind: "reviewing" }, history, picture, isPictureSharp: true, announcement });
    } catch (error) {
      if (!signal.aborted) fail(error);
    }
  };

  const decide = async (decision: "accept" | "send_back", reason: string): Promise<void> => {
    const { work, selectedId } = store.getState();
    if (work === null || facts.getState().isDeciding) return;
    facts.setState({ isDeciding: true });
    const about = facts.getState().annotations.filter(({ id }) => serverMaskId(id) === selectedId);
    const body = decision === "accept" ? { decision, reason, seen: seenIn(facts.getState()) } : { decision, reason, annotation_ids: about.map(({ id }) => id) };
    try {
      await call(client.POST("/api/work/{work_id}/review", { params: { path: { work_id: work.id } }, body }));
      await open({ after_image: work.image.id });
    } catch (error) {
      facts.setState({ isDeciding: false });
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "not_finished") return open({ after_image: work.image.id }, error.message);
      if (error.code === "changed_meanwhile") return open({ image_id: work.image.id }, error.message);
      store.setState({ notice: error.message });
    }
  };

  return {
    facts,
    open: (imageId) => open(imageId === null ? {} : { image_id: imageId }),
    accept: () => decide("accept", ""),
    sendBack: (reason) => decide("send_back", reason),
    async pass() {
      const { work } = store.getState();
      await open(work === null ? {} : { after_image: work.image.id });
    },
    again: () => open(last),
    toggleDifference() {
      facts.setState(({ isDifferenceShown }) => ({ isDifferenceShown: !isDifferenceShown }));
      if (store.getState().phase.kind === "reviewing") store.setState({ history: startWith(docFor(facts.getState())) });
    },
    step(by) {
      const ids = facts.getState().annotations.map(({ id }) => serverMaskId(id));
      store.setState({ selectedId: neighbour(ids, store.getState().selectedId, by) });
    },
    close() {
      isClosed = true;
      opening.abort();
      stopFollowing();
    },
  };
}

const seenIn = ({ annotations }: ReviewFacts): Record<string, number> =>
  Object.fromEntries(annotations.filter(({ state }) => state === "accepted").map(({ id, revision }) => [id, revision]));

function docFor({ annotations, isDifferenceShown }: ReviewFacts): Doc {
  const masks = annotations.map((annotation) => maskOfAnnotation(annotation));
  const proposals = isDifferenceShown ? masks.flatMap(proposalOf) : [];
  return apply(EMPTY_DOC, { kind: "load", masks: [...masks, ...proposals] });
}

/** What the model had proposed, as a mask of its own that is drawn as proposals are. */
function proposalOf(mask: Omit<Mask, "number">): Omit<Mask, "number">[] {
  const { proposal } = mask.evidence;
  if (proposal === null || proposal.rle.counts === mask.rle.counts) return [];
  const runs = runsOf(proposal.rle);
  return [{ ...mask, id: mask.id + PROPOSAL, rle: proposal.rle, area: areaOf(runs), bounds: boundsOf(runs), state: "proposed" }];
}

async function findToReview(projectId: number, query: Wanted): Promise<WorkItem | null> {
  const params = { path: { project_id: projectId }, query };
  const item = (await call(client.GET("/api/projects/{project_id}/review", { params }))) as WorkItem | undefined;
  return item ?? null; // 204: all are reviewed
}
