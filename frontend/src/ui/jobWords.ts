// Kinds and phases of background work in people's words, with what a phase counts.
import { sentence } from "./format";

const KINDS: Readonly<Record<string, string>> = {
  embed: "Prepare images for clicks",
  export: "Export",
  propose: "Propose masks",
  snapshot: "Snapshot",
  train: "Training run",
};

const PHASES: Readonly<Record<string, { label: string; unit: string }>> = {
  embedding: { label: "Preparing images for clicks", unit: "images" },
  masks: { label: "Writing masks", unit: "masks" },
  pictures: { label: "Adding photos", unit: "photos" },
  storing: { label: "Storing the file", unit: "" },
  proposing: { label: "Proposing masks", unit: "images" },
  training: { label: "Training", unit: "steps" },
  evaluating: { label: "Measuring while training", unit: "masks" },
  drawing: { label: "Drawing general images", unit: "" },
  measuring: { label: "Comparing with the live version", unit: "" },
  checksum: { label: "Checking the file", unit: "MB" },
};

export const kindWords = (kind: string): string => KINDS[kind] ?? sentence(kind);

export function phaseWords(phase: string): { label: string; unit: string } {
  return PHASES[phase] ?? { label: phase === "" ? "Waiting to start" : sentence(phase), unit: "" };
}
