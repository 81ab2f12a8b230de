// Kinds and phases of background work in people's words, with what a phase counts.
import { words } from "../words/ui";
import { sentence } from "./format";

const KINDS: Readonly<Record<string, string>> = words.jobKinds;
const PHASES: Readonly<Record<string, { label: string; unit: string }>> = words.jobPhases;

export const kindWords = (kind: string): string => KINDS[kind] ?? sentence(kind);

export function phaseWords(phase: string): { label: string; unit: string } {
  return PHASES[phase] ?? { label: phase === "" ? words.waitingToStart : sentence(phase), unit: "" };
}
