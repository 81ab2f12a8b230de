// What happened, as sentences.
import { reasonWords } from "../../api/errors";
import type { AuditEntry } from "../../api/events";
import { stageName } from "../../ui/stageWords";
import { words } from "../../words/activity";

type Data = AuditEntry["data"];

const text = (data: Data, ...names: string[]): string | null => {
  for (const name of names) {
    const value = data[name];
    if (typeof value === "string" && value !== "") return value;
    if (typeof value === "number") return String(value);
  }
  return null;
};

const imageCount = ({ image_count }: Data): number | null => (typeof image_count === "number" ? image_count : null);

const stage = (data: Data, name: string): string | null => {
  const found = text(data, name);
  return found === null ? null : stageName(found);
};

const nameOf = (person: unknown): string | null =>
  typeof person === "object" && person !== null && "name" in person && typeof person.name === "string" ? person.name : null;

const version = (data: Data): string | null => text(data, "to_version", "version");

const SENTENCES: Readonly<Record<string, (data: Data) => string>> = {
  "stage.admitted": (data) => words.admitted(imageCount(data), stage(data, "to_stage")),
  "stage.reverted": (data) => words.reverted(imageCount(data), stage(data, "to_stage")),
  "stage.policy_changed": (data) => words.stageChanged(stage(data, "stage")),
  "stage.exit_reached": (data) => words.exitReached(stage(data, "stage")),
  "training.policy_changed": () => words.trainingPolicyChanged,
  "training.started": (data) => words.runStarted(text(data, "run_id")),
  "training.finished": (data) => words.runFinished(text(data, "run_id")),
  "training.failed": (data) => words.runFailed(text(data, "run_id")),
  "training.cancelled": (data) => words.runCancelled(text(data, "run_id")),
  "model.promoted": (data) => words.promoted(version(data)),
  "model.rolled_back": (data) =>
    data["kind"] === "detector" ? words.detectorRolledBack(text(data, "to_version")) : words.rolledBack(version(data)),
  "model.refused": (data) => words.refused(version(data)),
  "detector.promoted": (data) => words.detectorPromoted(version(data)),
  "snapshot.made": (data) => words.snapshotMade(text(data, "number")),
  "audit.passed": () => words.auditPassed,
  "project.deleted": () => words.projectDeleted,
  "project.restored": () => words.projectRestored,
  "work.freed": (data) => words.freed(text(data, "file_name"), nameOf(data["holder"])),
  "image.accepted": (data) => words.accepted(text(data, "file_name")),
  "image.sent_back": (data) => words.sentBack(text(data, "file_name")),
};

export const happened = ({ kind, data }: AuditEntry): string => SENTENCES[kind]?.(data) ?? kind.replaceAll(/[._]/g, " ");

/** The why or the what beneath the sentence; null when there is nothing to add. */
export function detailOf({ kind, data, actor }: AuditEntry): string | null {
  const { changes } = data;
  if (typeof changes === "object" && changes !== null) {
    const parts = Object.entries(changes).map(([name, change]) => {
      const field = name.replaceAll("_", " ").replaceAll(".", ": ");
      // A stage's change is [before, after]; the training policy's only what it is now.
      if (kind !== "stage.policy_changed" || !Array.isArray(change)) return `${field} ${shown(change)}`;
      return `${field} ${shown(change[0])} \u2192 ${shown(change[1])}`;
    });
    if (parts.length > 0) return parts.join("; ");
  }
  const reason = text(data, "reason");
  // Without a person behind it the reason is the server's, and English.
  return actor === null || kind.startsWith("training.") ? reasonWords(reason) : reason;
}

const shown = (value: unknown): string => (value === null || value === undefined ? words.nothing : typeof value === "string" ? value : JSON.stringify(value));
