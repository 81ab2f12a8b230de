// The mask being made: prompts, the choice among the model's masks, keeping it, refining a kept one.
import { type Answered, type Mask, pixelsByHand, untouchedBase } from "../canvas/document";
import { amend } from "../canvas/history";
import { pixelsOf, regionOf } from "../canvas/masks/regions";
import type { Candidate, Prompt } from "../canvas/prompts";
import { words } from "../words/workspace";
import type { Desk } from "./desk";
import { addClick, resumed, secondsAt, touch } from "./effort";
import { boundsOfBox } from "./masks";
import { afterDeciding } from "./review";
import { docOf, reviewIn, shownOf, type WorkspaceState } from "./state";
import { randomUuid } from "./uuid";

export interface Prompting {
  addPrompt(prompt: Prompt): void;
  takeBackPrompt(): void;
  clearDraft(): void;
  choose(candidate: number): void;
  /** Keeps the mask being made. */
  keepDraft(): void;
  /** Makes the selected mask the draft. */
  refine(): void;
}

/** The pixels to be kept and the evidence of how they came about. */
type Made = Pick<Mask, "rle" | "area" | "bounds"> & { readonly prompts: readonly Prompt[]; readonly answered: Answered | null };

export function createPrompting(desk: Desk): Prompting {
  const { store, set, step, hasDraft, shownCandidate, decided, now } = desk;

  /** What the draft has come to; a sentence when it cannot be kept. */
  const made = (state: WorkspaceState): Made | string => {
    const doc = docOf(state);
    const { prompts, answered } = doc.draft;
    const byHand = pixelsByHand(doc);
    // The last prompt are the pixels themselves.
    if (byHand !== null) return { ...pixelsOf(regionOf(byHand)), prompts: prompts.slice(0, -1), answered };
    const shown = shownOf(state);
    if (shown === null || !shown.isFresh) return words.notice.stillComing;
    const candidate = shownCandidate();
    return {
      rle: shown.mask.rle,
      area: shown.mask.area,
      bounds: boundsOfBox(shown.mask.bbox_xywh),
      prompts: prompts.map((prompt, i) => (i === prompts.length - 1 ? { ...prompt, candidate } : prompt)),
      answered: answeredBy(shown, candidate),
    };
  };

  const keepDraft = (): void => {
    const state = store.getState();
    const doc = docOf(state);
    const base = doc.draft.base === null ? undefined : doc.masks[doc.draft.base];
    const draft = made(state);
    if (typeof draft === "string") return set({ notice: draft });
    const { prompts, answered, ...pixels } = draft;
    if (pixels.area === 0) return set({ notice: words.notice.emptyMask });
    const isMachineMade = base?.origin === "detector" || base?.origin === "automatic";
    // A mask that no model had a part in since it was taken up again keeps the evidence of how it was made.
    const isOnlyEdited = base !== undefined && answered === null;
    const evidence = {
      prompts: isOnlyEdited ? base.evidence.prompts : prompts,
      clicks: state.effort.clicks,
      activeSeconds: secondsAt(state.effort, now()),
      modelVersion: answered?.modelVersion ?? base?.evidence.modelVersion ?? null,
      candidate: isOnlyEdited ? base.evidence.candidate : (answered?.candidate ?? null),
      // What was proposed before anybody looked stays the measure of what had to be corrected.
      proposal: isMachineMade || isOnlyEdited ? (base?.evidence.proposal ?? null) : (answered?.proposal ?? null),
    };
    const kept = {
      id: base?.id ?? randomUuid(),
      ...pixels,
      state: "accepted" as const,
      origin: base?.origin ?? (answered === null ? ("manual" as const) : ("model" as const)),
      categoryId: base === undefined ? state.newCategoryId : base.categoryId,
      evidence,
    };
    const next = base === undefined ? null : afterDeciding(reviewIn(state).ids, base.id);
    step({ kind: "keep", mask: kept }, base === undefined ? words.steps.keep : words.steps.refined, {
      ...decided(words.announce.kept(base?.number ?? doc.nextNumber, pixels.area)),
      selectedId: next,
    });
  };

  return {
    addPrompt(prompt) {
      const label = prompt.type === "point" ? words.steps.addPoint(prompt.label) : words.steps.addBox;
      const effort = addClick(store.getState().effort, now());
      step({ kind: "addPrompt", prompt, shown: shownCandidate() }, label, { effort, selectedId: null });
    },
    takeBackPrompt() {
      if (hasDraft()) step({ kind: "takeBackPrompt" }, words.steps.takeBack);
    },
    clearDraft() {
      const { draft } = docOf(store.getState());
      if (!hasDraft()) return set({ selectedId: null, alsoSelected: [], announcement: "" });
      step({ kind: "clearDraft" }, words.steps.clear, draft.base === null ? {} : { selectedId: draft.base });
    },
    choose(candidate) {
      const shown = shownOf(store.getState());
      if (shown === null || !shown.isFresh || candidate >= shown.answer.masks.length || candidate > 2) return;
      set({ history: amend(store.getState().history, { kind: "choose", candidate: candidate as Candidate }) });
    },
    keepDraft,
    refine() {
      const state = store.getState();
      const id = state.selectedId ?? state.soloId;
      const mask = id === null ? undefined : docOf(state).masks[id];
      if (mask === undefined) return;
      if (hasDraft()) return set({ notice: words.notice.openDraft });
      const { clicks, activeSeconds } = mask.evidence;
      const isFirst = mask.state === "proposed";
      step({ kind: "refine", id: mask.id }, words.steps.refine, {
        effort: isFirst ? touch(state.effort, now()) : resumed(clicks, activeSeconds, now()),
        selectedId: null,
        soloId: null,
        announcement: words.announce.refining(mask.number),
      });
    },
  };
}

/** The model's shown mask as evidence. */
export function answeredBy({ mask, answer }: NonNullable<ReturnType<typeof shownOf>>, candidate: Candidate): Answered {
  const { rle, predicted_iou, stability_score } = mask;
  return { proposal: { rle, predicted_iou, stability_score }, modelVersion: answer.modelVersion, candidate };
}

/** Whether the draft is a kept mask that nothing has been added to. */
export const isUntouched = (state: WorkspaceState): boolean => untouchedBase(docOf(state)) !== null;
