// What the workspace knows at one moment, and what follows from it. The panels read this; nothing here is drawn from.
import { createStore, type StoreApi } from "zustand/vanilla";
import { type Doc, EMPTY_DOC, type Mask, type MaskId, masksOf, pixelsByHand, untouchedBase } from "../canvas/document";
import { type History, startWith } from "../canvas/history";
import type { Rle } from "../canvas/masks/rle";
import { paletteColour, type Rgb } from "../canvas/render/palette";
import type { Picture } from "../canvas/render/picture";
import type { Scene, SceneMask } from "../canvas/render/scene";
import type { ToolName } from "../canvas/tools/gesture";
import type { ApiError } from "../api/errors";
import type { Category } from "../api/types";
import { type Effort, NO_EFFORT } from "./effort";
import type { Asked } from "./predict/asker";
import { type Answer, shownIndex } from "./predict/predictor";
import { isBelow, type Review, reviewOf } from "./review";
import type { StageName, WorkItem } from "./server";
import { loadToolSettings, type ToolSettings } from "./toolSettings";

export type Phase =
  | { readonly kind: "loading" }
  | { readonly kind: "working" }
  /** A finished photo is looked at; nothing can be changed. */
  | { readonly kind: "reviewing" }
  /** Every photo that people finished has been reviewed. */
  | { readonly kind: "reviewed" }
  | { readonly kind: "empty" }
  /** Somebody else holds the image that was asked for. */
  | { readonly kind: "taken"; readonly message: string }
  /** Image or project are deleted, or this person may not annotate. */
  | { readonly kind: "gone"; readonly message: string }
  | { readonly kind: "failed"; readonly error: ApiError };

/** Whether there is a photo on the stage. */
export const isShown = ({ kind }: Phase): boolean => kind === "working" || kind === "reviewing";

export type Dialog = "keys" | "commands" | "skip" | "sendBack" | "refused" | null;

export interface WorkspaceState {
  readonly phase: Phase;
  readonly work: WorkItem | null;
  /** The image's pixels; first the thumbnail's, then the display picture's. */
  readonly picture: Picture | null;
  readonly isPictureSharp: boolean;
  readonly history: History;
  readonly asked: Asked;
  /** An answer came for this image, so its embedding exists. */
  readonly isEmbedded: boolean;
  readonly effort: Effort;
  /** How many proposals the image came with. */
  readonly proposed: number;
  readonly tool: ToolName;
  readonly toolSettings: ToolSettings;
  /** What means "on the object" means "off it", and the other way round: for hands without a second button. */
  readonly isSwapped: boolean;
  /** A finger or a pen was seen: the bar for them is shown. */
  readonly isTouched: boolean;
  /** A line or a box is open that keys end, take back or cancel. */
  readonly isGestureOpen: boolean;
  readonly isViewPanelOpen: boolean;
  readonly selectedId: MaskId | null;
  /** Selected beside it, in the order of selection. */
  readonly alsoSelected: readonly MaskId[];
  readonly soloId: MaskId | null;
  readonly areMasksHidden: boolean;
  readonly arePanelsFolded: boolean;
  readonly newCategoryId: number | null;
  /** Proposals that the model believes in less than this are left out; predicted IoU, 0..1. */
  readonly minIou: number;
  /** The one stage whose images are asked for; null: any. */
  readonly wantedStage: StageName | null;
  /** What answered last; within one image it is always the same. */
  readonly modelVersion: string | null;
  readonly categories: readonly Category[];
  readonly dialog: Dialog;
  readonly isLeaseLost: boolean;
  readonly isFinishing: boolean;
  /** The image that is at hand to be shown next. */
  readonly nextImageId: number | null;
  /** Whether the server has yet to hear that the photo before is finished. */
  readonly handingOver: "no" | "sending" | "offline";
  /** The person has been told that proposals are undecided, and may finish all the same. */
  readonly isWarnedOfLeft: boolean;
  /** A sentence for the status line, and whether it is a warning. */
  readonly notice: string | null;
  /** Masks kept since this tab was opened. */
  readonly keptInSession: number;
  /** For screen readers. */
  readonly announcement: string;
}

export type Store = StoreApi<WorkspaceState>;

/** What is forgotten from one image to the next. */
export const FRESH_IMAGE = {
  picture: null,
  isPictureSharp: false,
  history: startWith(EMPTY_DOC),
  asked: { state: { kind: "idle" }, answer: null, isFresh: false },
  isEmbedded: false,
  effort: NO_EFFORT,
  proposed: 0,
  selectedId: null,
  alsoSelected: [],
  soloId: null,
  isLeaseLost: false,
  isFinishing: false,
  isWarnedOfLeft: false,
  notice: null,
} as const;

export function createWorkspaceStore(): Store {
  return createStore<WorkspaceState>(() => ({
    ...FRESH_IMAGE,
    phase: { kind: "loading" },
    work: null,
    tool: "point",
    toolSettings: loadToolSettings(),
    isSwapped: false,
    isTouched: false,
    isGestureOpen: false,
    isViewPanelOpen: false,
    areMasksHidden: false,
    arePanelsFolded: false,
    newCategoryId: null,
    minIou: 0,
    wantedStage: null,
    modelVersion: null,
    categories: [],
    dialog: null,
    nextImageId: null,
    handingOver: "no",
    keptInSession: 0,
    announcement: "",
  }));
}

export const docOf = (state: WorkspaceState): Doc => state.history.now;

export const reviewIn = (state: WorkspaceState): Review =>
  reviewOf(docOf(state), { minIou: state.minIou, isAudit: state.work?.is_audit ?? false, proposed: state.proposed });

export interface Shown {
  readonly answer: Answer;
  readonly index: 0 | 1 | 2;
  readonly mask: Answer["masks"][number];
}

/** The model's mask on the screen, and whether it answers the prompts as they are now. */
export function shownOf({ asked, history }: WorkspaceState): (Shown & { isFresh: boolean }) | null {
  const { answer, isFresh } = asked;
  if (answer === null) return null;
  const index = shownIndex(answer, isFresh ? history.now.draft.chosen : null);
  const mask = answer.masks[index];
  return mask === undefined ? null : { answer, index, mask, isFresh };
}

/** The pixels of the mask being made: changed by hand, or the mask being refined, or else the model's answer. */
export function draftRleOf(state: WorkspaceState): Rle | null {
  const doc = docOf(state);
  return pixelsByHand(doc) ?? untouchedBase(doc)?.rle ?? shownOf(state)?.mask.rle ?? null;
}

export function selectedMaskOf(state: WorkspaceState): Mask | null {
  return state.selectedId === null ? null : (docOf(state).masks[state.selectedId] ?? null);
}

export function colourOf(mask: Pick<Mask, "categoryId" | "number">, categories: readonly Category[]): Rgb {
  const category = categories.find(({ id }) => id === mask.categoryId);
  return paletteColour(category === undefined ? mask.number - 1 : category.position);
}

const drawn = new WeakMap<Mask, SceneMask>();
let others: readonly SceneMask[] = [];

/** Masks and proposals as the stage draws them. What has not changed stays the same object, so that it is not drawn again. */
export function sceneMasksOf(state: WorkspaceState): Pick<Scene, "masks" | "selected"> {
  const doc = docOf(state);
  const isShown = (mask: Mask): boolean => mask.id !== doc.draft.base && !isBelow(mask, state.minIou);
  const selected = selectedMaskOf(state);
  // Large masks first, so that small ones stay visible on top.
  const masks = masksOf(doc).filter((mask) => isShown(mask) && mask !== selected).sort((a, b) => b.area - a.area);
  const next = masks.map((mask) => sceneMaskOf(mask, state.categories));
  const isSame = next.length === others.length && next.every((mask, i) => mask === others[i]);
  others = isSame ? others : next;
  return { masks: others, selected: selected !== null && isShown(selected) ? sceneMaskOf(selected, state.categories) : null };
}

function sceneMaskOf(mask: Mask, categories: readonly Category[]): SceneMask {
  const colour = colourOf(mask, categories);
  const known = drawn.get(mask);
  if (known !== undefined && known.colour.join() === colour.join()) return known;
  const { id, rle, bounds } = mask;
  const made = { id, rle, bounds, colour, isProposal: mask.state === "proposed" };
  drawn.set(mask, made);
  return made;
}
