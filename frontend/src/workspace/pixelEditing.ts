// Pixels changed by hand: strokes, lassos, and what tidies a mask. They change the mask being made, else the selected one;
// with neither, adding begins a new mask that no model had a part in.
import { type Bounds, type ChangedMask, type Mask, type MaskId, pixelsByHand, untouchedBase } from "../canvas/document";
import type { Size } from "../canvas/geometry";
import { fillHoles, grow, keepLargest, partsOf, regionOfPart, removeIslands, shrinkByOne } from "../canvas/masks/operations";
import { polygonRegion, strokeRegion } from "../canvas/masks/raster";
import { intersect, isEmpty, nothing, type Pixels, pixelsOf, regionOf, subtract, union } from "../canvas/masks/regions";
import { boundsOf, type Runs } from "../canvas/masks/rle";
import type { Lasso, Stroke } from "../canvas/tools/gesture";
import { words } from "../words/workspace";
import type { Desk } from "./desk";
import { addClick, NO_EFFORT, secondsAt, touch } from "./effort";
import { answeredBy } from "./prompting";
import { allowedOf, changedMaskOf, othersOf } from "./rules";
import { docOf, selectedMaskOf, shownOf, type WorkspaceState } from "./state";
import { randomUuid } from "./uuid";

/** What can be done to a mask's pixels without pointing at them. */
export const OPERATIONS = ["fillHoles", "removeIslands", "keepLargest", "grow", "shrink", "subtractOthers"] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface PixelEditing {
  paint(stroke: Stroke): void;
  lasso(lasso: Lasso): void;
  operate(operation: Operation): void;
  /** The selected masks become one: the one that was selected first. */
  merge(): void;
  /** Each connected part of the selected mask becomes a mask. */
  split(): void;
  duplicate(): void;
}

/** What a change is made to: the draft, a kept mask, or a mask that does not exist yet. */
type Target = { readonly mask: Mask | null; readonly region: Runs; readonly isDraft: boolean };

export function createPixelEditing({ store, set, step, hasDraft, shownCandidate, now }: Desk): PixelEditing {
  /** A sentence when there are pixels to come that the change would not know of. */
  const targetOf = (state: WorkspaceState, begins: boolean): Target | string => {
    const doc = docOf(state);
    if (hasDraft()) {
      const shown = shownOf(state);
      const rle = pixelsByHand(doc) ?? untouchedBase(doc)?.rle ?? (shown?.isFresh ? shown.mask.rle : null);
      return rle === null ? words.notice.stillComingToChange : { mask: null, region: regionOf(rle), isDraft: true };
    }
    const mask = changedMaskOf(state, begins);
    if (mask !== null) return { mask, region: regionOf(mask.rle), isDraft: false };
    if (!begins || state.work === null) return words.notice.noMask;
    return { mask: null, region: nothing(state.work.image), isDraft: true };
  };

  /** The change as the two rules allow it; null when there is none. */
  const obeyRules = (state: WorkspaceState, { mask, region }: Target, wanted: Runs): Runs | null => {
    const { inside, spared } = allowedOf(state, mask?.id ?? null);
    let [added, removed] = [subtract(wanted, region), subtract(region, wanted)];
    added = subtract(added, coveredNear(spared, boundsOf(added), region));
    if (inside !== null) [added, removed] = [intersect(added, regionOf(inside.rle)), intersect(removed, regionOf(inside.rle))];
    return isEmpty(added) && isEmpty(removed) ? null : subtract(union(region, added), removed);
  };

  const change = (wantedOf: (region: Runs) => Runs, label: string, begins = false): void => {
    // Nobody answers: what is drawn by hand takes the place of clicks that have no mask.
    if (begins && isUnanswerable(store.getState())) step({ kind: "clearDraft" }, words.steps.clear);
    const state = store.getState();
    const target = targetOf(state, begins);
    if (typeof target === "string") return set({ notice: target });
    const region = obeyRules(state, target, wantedOf(target.region));
    if (region === null) return set({ announcement: words.announce.unchanged });
    const pixels = pixelsOf(region);
    const announcement = words.announce.changed(label, pixels.area);
    if (target.isDraft) return editDraft(state, pixels, label, announcement);
    if (target.mask === null) return;
    if (pixels.area === 0) return set({ notice: words.notice.nothingLeft });
    editMasks(state, { changed: [{ id: target.mask.id, pixels }] }, label, announcement);
  };

  const editDraft = (state: WorkspaceState, { rle }: Pixels, label: string, announcement: string): void => {
    const shown = shownOf(state);
    const candidate = shownCandidate();
    const answered = shown === null ? null : answeredBy(shown, candidate);
    step({ kind: "editDraft", rle, shown: candidate, answered }, label, { effort: addClick(state.effort, now()), announcement });
  };

  interface Edit {
    readonly changed: readonly Pick<ChangedMask, "id" | "pixels">[];
    readonly added?: readonly Omit<Mask, "number">[];
    readonly removed?: readonly MaskId[];
  }

  /** The time since the last decision goes with the first mask. */
  const editMasks = (state: WorkspaceState, { changed, added = [], removed = [] }: Edit, label: string, announcement: string): void => {
    const spent = changed.map(({ id, pixels }, i): ChangedMask => ({
      id,
      pixels,
      clicks: i === 0 ? 1 : 0,
      activeSeconds: i === 0 ? secondsAt(state.effort, now()) : 0,
    }));
    step({ kind: "editMasks", changed: spent, added, removed }, label, { effort: touch(NO_EFFORT, now()), announcement });
  };

  /** The selected mask, when no other one is being made. */
  const chosen = (): { state: WorkspaceState; mask: Mask } | null => {
    const state = store.getState();
    const mask = selectedMaskOf(state);
    if (hasDraft()) set({ notice: words.notice.keepFirst });
    else if (mask === null) set({ notice: words.notice.noMask });
    else return { state, mask };
    return null;
  };

  return {
    paint(stroke) {
      const { work } = store.getState();
      if (work === null) return;
      const painted = strokeRegion(stroke.path, stroke.radius, work.image);
      const label = stroke.erases ? words.steps.erase : words.steps.paint;
      change((region) => (stroke.erases ? subtract(region, painted) : union(region, painted)), label, !stroke.erases);
    },
    lasso({ vertices, erases }) {
      const { work } = store.getState();
      if (work === null) return;
      const drawn = polygonRegion(vertices, work.image);
      const label = erases ? words.steps.lassoAway : words.steps.lasso;
      change((region) => (erases ? subtract(region, drawn) : union(region, drawn)), label, !erases);
    },
    operate(operation) {
      const state = store.getState();
      const wantedOf: Record<Operation, (region: Runs) => Runs> = {
        fillHoles,
        removeIslands: (region) => removeIslands(region, state.toolSettings.islandArea),
        keepLargest,
        grow,
        shrink: shrinkByOne,
        subtractOthers: (region) => subtract(region, coveredNear(othersOf(state, hasDraft() ? null : state.selectedId), boundsOf(region), region)),
      };
      change(wantedOf[operation], words.steps[operation]);
    },
    merge() {
      const found = chosen();
      if (found === null) return;
      const { state, mask } = found;
      const others = state.alsoSelected.flatMap((id) => docOf(state).masks[id] ?? []);
      if (others.length === 0) return set({ notice: words.notice.selectMore });
      const merged = others.map(({ rle }) => regionOf(rle)).reduce(union, regionOf(mask.rle));
      const removed = others.map(({ id }) => id);
      editMasks(state, { changed: [{ id: mask.id, pixels: pixelsOf(merged) }], removed }, words.steps.merge, words.announce.merged(others.length + 1));
    },
    split() {
      const found = chosen();
      if (found === null) return;
      const { state, mask } = found;
      const region = regionOf(mask.rle);
      const [largest, ...rest] = partsOf(region).map((part) => pixelsOf(regionOfPart(part, region)));
      if (largest === undefined || rest.length === 0) return set({ notice: words.notice.onePart });
      const tooMany = rest.length > MOST_PARTS;
      if (tooMany) return set({ notice: words.notice.tooManyParts(rest.length + 1) });
      const added = rest.map((pixels) => handMade(pixels, mask.categoryId));
      editMasks(state, { changed: [{ id: mask.id, pixels: largest }], added }, words.steps.split, words.announce.split(rest.length + 1));
    },
    duplicate() {
      const found = chosen();
      if (found === null) return;
      const { state, mask } = found;
      const copy = handMade(mask, mask.categoryId);
      editMasks(state, { changed: [], added: [copy] }, words.steps.duplicate, words.announce.duplicated(mask.number));
      set({ selectedId: copy.id, alsoSelected: [] });
    },
  };
}

/** A mask of clicks alone, and for now no model to make it. */
function isUnanswerable(state: WorkspaceState): boolean {
  const doc = docOf(state);
  const hasPixels = (pixelsByHand(doc) ?? untouchedBase(doc) ?? shownOf(state)) !== null;
  return doc.draft.prompts.length > 0 && !hasPixels && state.asked.state.kind === "waiting";
}

/** More parts than this are noise to be removed, not masks. */
const MOST_PARTS = 50;

function handMade({ rle, area, bounds }: Pixels, categoryId: number | null): Omit<Mask, "number"> {
  const evidence = { prompts: [], clicks: 0, activeSeconds: 0, modelVersion: null, candidate: null, proposal: null };
  return { id: randomUuid(), rle, area, bounds, state: "accepted", origin: "manual", categoryId, evidence };
}

/** What the masks cover near some place. */
function coveredNear(masks: readonly Mask[], bounds: Bounds, image: Size): Runs {
  return masks.filter((mask) => overlap(mask.bounds, bounds)).map(({ rle }) => regionOf(rle)).reduce(union, nothing(image));
}

const overlap = (a: Bounds, b: Bounds): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
