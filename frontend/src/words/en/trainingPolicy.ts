// When a project retrains, how, and what a candidate must show.
import type { TrainingPolicy } from "../../api/training";
import { count, plural } from "../counting";

export const trainingPolicy = {
  title: "Training policy",
  notRead: "The policy could not be read",
  saved: "Training policy saved",
  save: "Save policy",
  sentence: (policy: { masks: number | null; hours: number | null; isPromoted: boolean; isElsewhere: boolean }) => {
    const when = [
      policy.masks === null ? null : `every ${count(policy.masks)} new masks`,
      policy.hours === null ? null : `every ${plural(policy.hours, "hour")}`,
    ].filter((part) => part !== null);
    const start = when.length === 0 ? "Runs start by hand only" : `A run starts ${when.join(" or ")}`;
    const end = policy.isPromoted ? "what passes the gate goes live by itself" : "what passes the gate waits for an admin's word";
    return `${start}${policy.isElsewhere ? ", on your own machines" : ""}; ${end}.`;
  },
  waitsForFrozen: (have: number, need: number) =>
    `No run starts by itself yet: it needs ${plural(need, "frozen image")} with kept masks to compare on; ${count(have)} so far.`,

  when: "When a run starts by itself",
  newMasks: "New masks",
  notByCount: "Not by count",
  masks: "masks",
  schedule: "Schedule",
  notByTime: "Not by time",
  hours: "hours",
  minMasks: "Never with fewer than",
  frozen: "Frozen share",
  frozenFixed: "Fixed by the first snapshot.",
  frozenText: "Of the images; never trained on, to compare models by.",
  detector: "Train a detector too",
  detectorText: "After each run that starts by itself, and when a model with another encoder goes live.",

  how: "How it trains",
  tune: "What may change",
  tuneText: "The less, the quicker and the less forgotten.",
  tunes: { decoder: "Decoder only", head: "Last layers only", lora: "Low-rank adapters", full: "Everything" } satisfies Record<
    TrainingPolicy["tune"],
    string
  >,
  base: "Begins from",
  baseLive: "The live version",
  baseFirst: "The first version",
  steps: "Steps",
  batch: "Images a step",
  rate: "Learning rate",
  time: "Time at most",
  minutes: "minutes",
  keepBase: "Kept of the version before",
  keepBaseText: "Its share of the new weights: less forgotten, less learned.",
  closer: "People zoom in",
  closerText: "Learns from parts of images, too, and compares versions on them.",
  augment: "Vary and mirror images",
  augmentText: "Better with few masks; slower.",
  automatic: "Use automatic masks",
  automaticText: "Also from those nobody looked at.",

  gate: "The gate",
  measure: "Compared by",
  measures: { iou_1: "Mean IoU after 1 click", iou_3: "Mean IoU after 3 clicks", noc_85: "Clicks to IoU 0.85" } satisfies Record<
    TrainingPolicy["gate"]["measure"],
    string
  >,
  gain: "Gain, at least",
  gainText: "The whole 95 % interval must lie above.",
  loss: "General loss, at most",
  lossText: "Mean IoU it may lose on general images, with the rounds before it.",
  promote: "Promote by itself",
  promoteText: "Else what passes waits for an admin.",

  elsewhere: "Training elsewhere",
  hook: "Address told of each run",
  hookText: "Your cluster trains and sends the checkpoint back. Without an address the secret is forgotten.",
  here: "Trained here",
  secret: "Secret that signs what is sent",
  hasSecret: "One is kept; type to replace it.",
  secretOfAddress: "It is kept for an address: enter that first.",
  noSecret: "None is kept yet.",
  command: "Train by the installation's command",
};
