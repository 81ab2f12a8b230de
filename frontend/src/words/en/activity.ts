// Who did what in a project, as sentences.
import { plural } from "../counting";

const images = (value: number | null): string => (value === null ? "Images" : plural(value, "image"));
const stage = (name: string | null): string => name?.toLowerCase() ?? "the next stage";
const run = (id: string | null): string => (id === null ? "A training run" : `Training run ${id}`);
const version = (name: string | null): string => name ?? "The default";
const image = (fileName: string | null): string => fileName ?? "An image";

export const activity = {
  title: "Activity",
  notRead: "The log could not be read",
  none: "Nothing has been decided yet",
  noneText: "Admissions, changed settings, training runs, promotions and snapshots are kept here with who did them and why.",
  older: "Show older",
  byRule: "By rule",
  by: (who: string, when: string) => `${who}, ${when}`,
  nothing: "none",

  admitted: (count: number | null, to: string | null) => `${images(count)} admitted to ${stage(to)}`,
  reverted: (count: number | null, from: string | null) => `${images(count)} taken back from ${stage(from)}`,
  stageChanged: (name: string | null) => `Settings of ${stage(name)} changed`,
  exitReached: (name: string | null) => `Exit rule of ${stage(name)} met`,
  trainingPolicyChanged: "Training policy changed",
  projectDeleted: "Project deleted",
  projectRestored: "Project restored",
  runStarted: (id: string | null) => `${run(id)} started`,
  runFinished: (id: string | null) => `${run(id)} finished`,
  runFailed: (id: string | null) => `${run(id)} failed`,
  runCancelled: (id: string | null) => `${run(id)} cancelled`,
  promoted: (name: string | null) => `${version(name)} went live`,
  rolledBack: (name: string | null) => `Rolled back to ${version(name)}`,
  detectorRolledBack: (name: string | null) => (name === null ? "Detector rolled back: there is none now" : `Detector rolled back to ${name}`),
  refused: (name: string | null) => `${version(name)} refused by the gate`,
  detectorPromoted: (name: string | null) => `Detector ${version(name)} went live`,
  snapshotMade: (number: string | null) => (number === null ? "Snapshot made" : `Snapshot ${number} made`),
  auditPassed: "The audit of the automatic masks was passed",
  freed: (fileName: string | null, from: string | null) => `${image(fileName)} taken from ${from ?? "its annotator"} and back in the queue`,
  accepted: (fileName: string | null) => `${image(fileName)} accepted`,
  sentBack: (fileName: string | null) => `${image(fileName)} sent back`,
};
