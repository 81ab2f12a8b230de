// The choices of the training policy, and the policy as one sentence.
import type { TrainingPolicy } from "../../api/training";
import { count, plural } from "../../ui/format";

export const TUNES: readonly { value: TrainingPolicy["tune"]; label: string }[] = [
  { value: "decoder", label: "Decoder only" },
  { value: "head", label: "Last layers only" },
  { value: "lora", label: "Low-rank adapters" },
  { value: "full", label: "Everything" },
];

export const GATE_MEASURES: readonly { value: TrainingPolicy["gate"]["measure"]; label: string }[] = [
  { value: "iou_1", label: "Mean IoU after 1 click" },
  { value: "iou_3", label: "Mean IoU after 3 clicks" },
  { value: "noc_85", label: "Clicks to IoU 0.85" },
];

export function policySentence(policy: TrainingPolicy): string {
  const { every_masks = null, every_hours = null, auto_promote, hook_url = null } = policy;
  const when = [
    every_masks === null ? null : `every ${count(every_masks)} new masks`,
    every_hours === null ? null : `every ${plural(every_hours, "hour")}`,
  ].filter((part) => part !== null);
  const start = when.length === 0 ? "Runs start by hand only" : `A run starts ${when.join(" or ")}`;
  const end = auto_promote ? "what passes the gate goes live by itself" : "what passes the gate waits for an admin's word";
  return `${start}${hook_url === null ? "" : ", on your own machines"}; ${end}.`;
}
