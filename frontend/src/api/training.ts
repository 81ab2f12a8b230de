// Snapshots, training runs, which version is live, and when a project retrains.
import { queryOptions } from "@tanstack/react-query";
import { ask } from "./ask";
import { projectKey } from "./projects";
import type { JobState } from "./types";

export type RunKind = "model" | "detector";
export type RunState =
  | "queued"
  | "snapshotting"
  | "training"
  | "evaluating"
  | "promoted"
  | "refused"
  | "candidate"
  | "failed"
  | "cancelled";

/** A mean with its 95 % interval; without bounds where there is only one image. */
export interface Interval {
  value: number;
  low: number | null;
  high: number | null;
}

export interface Measures {
  images: number;
  masks: number;
  iou_1: Interval;
  iou_3: Interval;
  iou_5: Interval;
  noc_85: Interval;
  noc_90: Interval;
  calibration_error: number | null;
}

export interface Comparison {
  live: Measures;
  candidate: Measures;
  difference: { iou_1: Interval; iou_3: Interval; noc_85: Interval };
}

export interface RunMetrics {
  frozen: Comparison | null;
  general: Comparison | null;
  gate: { is_passed: boolean; reason: string };
  detector: Record<string, unknown> | null;
}

export interface CurvePoint {
  step: number;
  loss?: number;
  iou?: number;
  seconds?: number;
}

export interface Run {
  id: number;
  project_id: number;
  kind: RunKind;
  state: RunState;
  trigger: string;
  snapshot_number: number | null;
  base_version: string | null;
  candidate_version: string | null;
  options: Record<string, unknown>;
  curve: CurvePoint[];
  metrics: RunMetrics | null;
  reason: string | null;
  job: { id: number; state: JobState; done: number; total: number; phase: string } | null;
  created_at: string;
  finished_at: string | null;
  seconds_left: number | null;
}

export interface Snapshot {
  id: number;
  number: number;
  note: string;
  counts: Record<string, number> | null;
  sha256: string | null;
  byte_size: number | null;
  job_state: JobState | null;
  error: string | null;
  created_at: string;
}

export interface SnapshotDiff {
  images: { added: number; removed: number };
  masks: { added: number; removed: number; changed: number };
}

export interface Promotion {
  id: number;
  kind: RunKind;
  from_version: string | null;
  to_version: string | null;
  is_rollback: boolean;
  reason: string;
  author: { id: number; name: string } | null;
  run_id: number | null;
  created_at: string;
}

export interface TrainingPolicy {
  every_masks: number | null;
  every_hours: number | null;
  min_masks: number;
  frozen_share: number;
  tune: "decoder" | "head" | "lora" | "full";
  steps: number;
  batch_size: number;
  rate: number;
  base: "live" | "first";
  max_minutes: number;
  augment: boolean;
  use_automatic: boolean;
  replay: string[];
  gate: { measure: "iou_1" | "iou_3" | "noc_85"; min_gain: number; max_general_loss: number };
  auto_promote: boolean;
  hook_command: boolean;
  hook_url: string | null;
  hook_secret: string | null;
  train_detector: boolean;
}

export interface TrainingPolicyAnswer {
  policy: TrainingPolicy;
  revision: number;
  has_hook_secret: boolean;
  is_hook_command_allowed: boolean;
}

export const runsKey = (projectId: number) => [...projectKey(projectId), "training-runs"];
export const snapshotsKey = (projectId: number) => [...projectKey(projectId), "snapshots"];
export const promotionsKey = (projectId: number) => [...projectKey(projectId), "promotions"];
export const trainingPolicyKey = (projectId: number) => [...projectKey(projectId), "training-policy"];

export const isRunning = (state: RunState): boolean => ["queued", "snapshotting", "training", "evaluating"].includes(state);

export const runsQuery = (projectId: number) =>
  queryOptions({
    queryKey: runsKey(projectId),
    queryFn: ({ signal }) => ask<{ items: Run[] }>("GET", `/projects/${projectId}/training-runs`, undefined, signal),
  });

export const snapshotsQuery = (projectId: number) =>
  queryOptions({
    queryKey: snapshotsKey(projectId),
    queryFn: ({ signal }) => ask<{ items: Snapshot[] }>("GET", `/projects/${projectId}/snapshots`, undefined, signal),
  });

export const promotionsQuery = (projectId: number) =>
  queryOptions({
    queryKey: promotionsKey(projectId),
    queryFn: ({ signal }) => ask<{ items: Promotion[] }>("GET", `/projects/${projectId}/promotions`, undefined, signal),
  });

export const trainingPolicyQuery = (projectId: number) =>
  queryOptions({
    queryKey: trainingPolicyKey(projectId),
    queryFn: ({ signal }) => ask<TrainingPolicyAnswer>("GET", `/projects/${projectId}/training-policy`, undefined, signal),
  });

export const snapshotDiffQuery = (projectId: number, snapshotId: number, otherId: number) =>
  queryOptions({
    queryKey: [...snapshotsKey(projectId), "diff", snapshotId, otherId],
    queryFn: ({ signal }) => ask<SnapshotDiff>("GET", `/snapshots/${snapshotId}/diff/${otherId}`, undefined, signal),
    staleTime: Infinity,
  });

export const snapshotUrl = (snapshotId: number): string => `/api/snapshots/${snapshotId}/download`;

export function makeSnapshot(projectId: number, note: string): Promise<Snapshot> {
  return ask("POST", `/projects/${projectId}/snapshots`, { note });
}

export function startRun(projectId: number, wanted: { kind: RunKind; options: Partial<TrainingPolicy> }): Promise<Run> {
  return ask("POST", `/projects/${projectId}/training-runs`, wanted);
}

export function cancelRun(runId: number): Promise<Run> {
  return ask("POST", `/training-runs/${runId}/cancel`);
}

export function promote(
  version: string,
  wanted: { project_id: number; kind: RunKind; reason: string },
): Promise<Promotion> {
  return ask("POST", `/models/${encodeURIComponent(version)}/promote`, wanted);
}

export function rollBack(projectId: number, kind: RunKind, reason: string): Promise<Promotion> {
  return ask("POST", `/projects/${projectId}/rollback`, { kind, reason });
}

export function changeTrainingPolicy(
  projectId: number,
  policy: Partial<TrainingPolicy>,
  revision: number,
): Promise<TrainingPolicyAnswer> {
  return ask("PATCH", `/projects/${projectId}/training-policy`, { policy, revision });
}
