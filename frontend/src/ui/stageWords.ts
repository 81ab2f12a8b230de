// The stages and their states in people's words.
import { words } from "../words/ui";

export type StageKey = "assisted_manual" | "semi_automatic" | "fully_automatic";

export const STAGE_ORDER: readonly StageKey[] = ["assisted_manual", "semi_automatic", "fully_automatic"];

export const STAGE_WORDS: Readonly<Record<StageKey, { name: string; does: string }>> = words.stages;

export const stageName = (stage: string): string =>
  stage in STAGE_WORDS ? STAGE_WORDS[stage as StageKey].name : stage;
