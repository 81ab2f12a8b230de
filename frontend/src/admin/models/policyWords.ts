// The choices of the training policy, and the policy as one sentence.
import type { TrainingPolicy, TrainingPolicyAnswer } from "../../api/training";
import { words } from "../../words/trainingPolicy";

type Choice<Value> = { value: Value; label: string };

export const TUNES: readonly Choice<TrainingPolicy["tune"]>[] = (["decoder", "head", "lora", "full"] as const).map((value) => ({
  value,
  label: words.tunes[value],
}));

export const GATE_MEASURES: readonly Choice<TrainingPolicy["gate"]["measure"]>[] = (["iou_1", "iou_3", "noc_85"] as const).map(
  (value) => ({ value, label: words.measures[value] }),
);

export function policySentence({ every_masks = null, every_hours = null, auto_promote, hook_url = null }: TrainingPolicy): string {
  return words.sentence({ masks: every_masks, hours: every_hours, isPromoted: auto_promote, isElsewhere: hook_url !== null });
}

/** What runs that would start by themselves wait for; null: nothing, or none would. */
export function waitingSentence({ policy, frozen_images, frozen_images_needed }: TrainingPolicyAnswer): string | null {
  const { every_masks = null, every_hours = null } = policy;
  if ((every_masks === null && every_hours === null) || frozen_images >= frozen_images_needed) return null;
  return words.waitsForFrozen(frozen_images, frozen_images_needed);
}
