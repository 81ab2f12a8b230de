// What happened, as sentences.
import type { AuditEntry } from "../../api/events";
import { plural } from "../../ui/format";
import { stageName } from "../../ui/stageWords";

type Data = AuditEntry["data"];

const text = (data: Data, ...names: string[]): string | null => {
  for (const name of names) {
    const value = data[name];
    if (typeof value === "string" && value !== "") return value;
    if (typeof value === "number") return String(value);
  }
  return null;
};

const images = ({ image_count }: Data): string => (typeof image_count === "number" ? plural(image_count, "image") : "Images");

const stage = (data: Data, ...names: string[]): string => {
  const name = text(data, ...names);
  return name === null ? "the next stage" : stageName(name).toLowerCase();
};

const run = (data: Data): string => {
  const id = text(data, "run_id");
  return id === null ? "A training run" : `Training run ${id}`;
};

const version = (data: Data): string => text(data, "to_version", "version") ?? "The default";

const SENTENCES: Readonly<Record<string, (data: Data) => string>> = {
  "stage.admitted": (data) => `${images(data)} admitted to ${stage(data, "to_stage")}`,
  "stage.reverted": (data) => `${images(data)} taken back from ${stage(data, "to_stage")}`,
  "stage.policy_changed": (data) => `Settings of ${stage(data, "stage")} changed`,
  "stage.exit_reached": (data) => `Exit rule of ${stage(data, "stage")} met`,
  "training.policy_changed": () => "Training policy changed",
  "training.started": (data) => `${run(data)} started`,
  "training.finished": (data) => `${run(data)} finished`,
  "training.failed": (data) => `${run(data)} failed`,
  "training.cancelled": (data) => `${run(data)} cancelled`,
  "model.promoted": (data) => `${version(data)} went live`,
  "model.rolled_back": (data) =>
    data["kind"] === "detector" ? `Detector rolled back to ${text(data, "to_version") ?? "none"}` : `Rolled back to ${version(data)}`,
  "model.refused": (data) => `${version(data)} refused by the gate`,
  "detector.promoted": (data) => `Detector ${version(data)} went live`,
  "snapshot.made": (data) => `Snapshot ${text(data, "number") ?? ""} made`.replace("  ", " "),
  "audit.passed": () => "The audit of the automatic masks was passed",
};

export const happened = ({ kind, data }: AuditEntry): string => SENTENCES[kind]?.(data) ?? kind.replaceAll(/[._]/g, " ");

/** The why or the what beneath the sentence; null when there is nothing to add. */
export function detailOf({ kind, data }: AuditEntry): string | null {
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
  return text(data, "reason");
}

const shown = (value: unknown): string => (value === null || value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value));
