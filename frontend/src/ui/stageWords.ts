// The stages and their states in people's words.

export type StageKey = "assisted_manual" | "semi_automatic" | "fully_automatic";

export const STAGE_ORDER: readonly StageKey[] = ["assisted_manual", "semi_automatic", "fully_automatic"];

export const STAGE_WORDS: Readonly<Record<StageKey, { name: string; does: string }>> = {
  assisted_manual: { name: "Assisted manual", does: "People click, the model answers with masks." },
  semi_automatic: { name: "Semi-automatic", does: "The model proposes masks; people correct them and add what is missing." },
  fully_automatic: { name: "Fully automatic", does: "The model keeps its masks; people audit a sample." },
};

export const stageName = (stage: string): string =>
  stage in STAGE_WORDS ? STAGE_WORDS[stage as StageKey].name : stage;
