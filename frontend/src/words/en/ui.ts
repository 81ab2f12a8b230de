// What appears on many pages: stages, background work, forms, spans of time.
import type { StageKey } from "../../ui/stageWords";

export const ui = {
  duration: {
    moment: "less than 5 s",
    seconds: (seconds: number) => `${seconds} s`,
    minutes: (minutes: number) => `${minutes} min`,
    hours: (hours: number, minutes: number) => `${hours} h ${minutes} min`,
  },
  seconds: (value: string) => `${value} s`,
  interval: (value: string, low: string, high: string) => `${value} (${low} to ${high})`,
  perSecond: (value: string) => `${value}/s`,

  stages: {
    assisted_manual: { name: "Assisted manual", does: "People click, the model answers with masks." },
    semi_automatic: { name: "Semi-automatic", does: "The model proposes masks; people correct them and add what is missing." },
    fully_automatic: { name: "Fully automatic", does: "The model keeps its masks; people audit a sample." },
  } satisfies Record<StageKey, { name: string; does: string }>,

  jobKinds: {
    deliver: "Tell a webhook",
    draw_audits: "Draw images to audit",
    embed: "Prepare images for clicks",
    export: "Export",
    propose: "Propose masks",
    rank: "Order the queue",
    snapshot: "Snapshot",
    train: "Training run",
  },
  jobPhases: {
    embedding: { label: "Preparing images for clicks", unit: "images" },
    masks: { label: "Writing masks", unit: "masks" },
    pictures: { label: "Adding photos", unit: "photos" },
    storing: { label: "Storing the file", unit: "" },
    snapshot: { label: "Freezing masks", unit: "masks" },
    "looking at images": { label: "Proposing masks", unit: "images" },
    "ordering the queue": { label: "Ordering the queue", unit: "images" },
    "drawing audits": { label: "Drawing images to audit", unit: "images" },
    reading: { label: "Reading the masks", unit: "" },
    starting: { label: "Starting", unit: "" },
    encoding: { label: "Preparing images for training", unit: "images" },
    training: { label: "Training", unit: "steps" },
    evaluating: { label: "Measuring while training", unit: "masks" },
    drawing: { label: "Drawing general images", unit: "" },
    measuring: { label: "Comparing with the live version", unit: "" },
    announcing: { label: "Telling the project's own trainer", unit: "" },
    receiving: { label: "Receiving the checkpoint", unit: "" },
    checksum: { label: "Checking the file", unit: "MB" },
  },
  jobStates: { queued: "Waiting", running: "Running", done: "Done", dead: "Failed", cancelled: "Cancelled" },
  waitingToStart: "Waiting to start",
  progress: (done: string, total: string, unit: string) => `${done} of ${total} ${unit}`.trim(),
  timeLeft: (duration: string) => `about ${duration} left`,
  listed: (facts: readonly string[]) => facts.join(", "),

  curve: (title: string, value: string, step: number, end: number) => `${title}, now ${value} at step ${step} of ${end}`,
  firstStep: "step 0",

  copy: "Copy",
  copied: "Copied",
  tryAgain: "Try again",
  loading: "Loading",
  notSaved: "Not saved",
  undoChanges: "Undo changes",
  leaving: {
    title: "These settings are not saved",
    text: "What you changed here is lost when you go on.",
    leave: "Go on without saving",
    stay: "Stay here",
  },
  overtaken: {
    title: "Somebody else changed these settings meanwhile",
    text: "What you typed is still here and not saved.",
    mine: "Lay mine over theirs",
    theirs: "Take theirs",
  },
};
