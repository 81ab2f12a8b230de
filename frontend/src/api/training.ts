// Snapshots, training runs, which version is live, and when a project retrains.
import { queryOptions } from "@tanstack/react-query";
import { call, client } from "./client";
import { reasonWords } from "./errors";
import { projectKey } from "./projects";
import type { components } from "./schema";
import { sendForm, type Watch } from "./sendForm";

type Schemas = components["schemas"];

export type Run = Schemas["RunOut"];
export type RunKind = Run["kind"];
export type RunState = Run["state"];
export type RunMetrics = Schemas["RunMetrics"];
/** A mean with its 95 % interval; without bounds where there is only one image. */
export type Interval = Schemas["Interval"];
export type Measures = Schemas["Measures"];
export type Comparison = Schemas["Comparison"];
export type DetectorMetrics = Schemas["DetectorMetrics"];
export type Snapshot = Schemas["SnapshotOut"];
export type Promotion = Schemas["PromotionOut"];
export type TrainingPolicy = Schemas["Policy"];
export type TrainingPolicyAnswer = Schemas["PolicyOut"];

const of = (projectId: number) => ({ params: { path: { project_id: projectId } } });

export const runsKey = (projectId: number) => [...projectKey(projectId), "training-runs"];
export const snapshotsKey = (projectId: number) => [...projectKey(projectId), "snapshots"];
export const promotionsKey = (projectId: number) => [...projectKey(projectId), "promotions"];
export const trainingPolicyKey = (projectId: number) => [...projectKey(projectId), "training-policy"];

export const isRunning = (state: RunState): boolean => ["queued", "snapshotting", "training", "evaluating"].includes(state);

const gateReason = ({ metrics }: Run): string | null => reasonWords(metrics?.gate.reason ?? null);

export const runsQuery = (projectId: number) =>
  queryOptions({
    queryKey: runsKey(projectId),
    queryFn: async ({ signal }) => {
      const { items } = await call(client.GET("/api/projects/{project_id}/training-runs", { ...of(projectId), signal }));
      return { items: items.map((run): Run => ({ ...run, reason: reasonWords(run.reason) ?? gateReason(run) })) };
    },
  });

export const snapshotsQuery = (projectId: number) =>
  queryOptions({
    queryKey: snapshotsKey(projectId),
    queryFn: async ({ signal }) => {
      const { items } = await call(client.GET("/api/projects/{project_id}/snapshots", { ...of(projectId), signal }));
      return { items: items.map((snapshot): Snapshot => ({ ...snapshot, error: reasonWords(snapshot.error) })) };
    },
  });

export const promotionsQuery = (projectId: number) =>
  queryOptions({
    queryKey: promotionsKey(projectId),
    queryFn: async ({ signal }) => {
      const { items } = await call(client.GET("/api/projects/{project_id}/promotions", { ...of(projectId), signal }));
      // A person's own words stay as they are.
      return { items: items.map((item): Promotion => (item.author === null ? { ...item, reason: reasonWords(item.reason) ?? "" } : item)) };
    },
  });

export const trainingPolicyQuery = (projectId: number) =>
  queryOptions({
    queryKey: trainingPolicyKey(projectId),
    queryFn: ({ signal }) => call(client.GET("/api/projects/{project_id}/training-policy", { ...of(projectId), signal })),
  });

export const snapshotDiffQuery = (projectId: number, snapshotId: number, otherId: number) =>
  queryOptions({
    queryKey: [...projectKey(projectId), "snapshot-diff", snapshotId, otherId], // beside the list, which news has read anew
    queryFn: ({ signal }) => {
      const params = { path: { snapshot_id: snapshotId, other: otherId } };
      return call(client.GET("/api/snapshots/{snapshot_id}/diff/{other}", { params, signal }));
    },
    staleTime: Infinity,
  });

export const snapshotUrl = (snapshotId: number): string => `/api/snapshots/${snapshotId}/download`;

export function makeSnapshot(projectId: number, note: string): Promise<Snapshot> {
  return call(client.POST("/api/projects/{project_id}/snapshots", { ...of(projectId), body: { note } }));
}

/**
 * Refused with `too_few_masks` {have, need}, `run_under_way`, or `too_few_frozen_images` {have, need} unless
 * `train_anyway`. What `options` leaves out is as the policy says.
 */
export function startRun(
  projectId: number,
  wanted: { kind: RunKind; base?: string; options: Partial<TrainingPolicy>; train_anyway: boolean },
): Promise<Run> {
  return call(client.POST("/api/projects/{project_id}/training-runs", { ...of(projectId), body: wanted }));
}

export function cancelRun(runId: number): Promise<Run> {
  return call(client.POST("/api/training-runs/{run_id}/cancel", { params: { path: { run_id: runId } } }));
}

/** What another trainer made: a .zip of config.json and model.safetensors. Refused with `checkpoint_unusable` and why. */
export function sendCheckpoint(runId: number, file: File, watch: Watch): Promise<Run> {
  const form = new FormData();
  form.append("files", file, file.name);
  return sendForm(`/api/training-runs/${runId}/checkpoint`, form, watch);
}

export function promote(version: string, wanted: { project_id: number; kind: RunKind; reason: string }): Promise<Promotion> {
  const params = { path: { model_version: version } };
  return call(client.POST("/api/models/{model_version}/promote", { params, body: wanted }));
}

export function rollBack(projectId: number, kind: RunKind, reason: string): Promise<Promotion> {
  return call(client.POST("/api/projects/{project_id}/rollback", { ...of(projectId), body: { kind, reason } }));
}

/** Refused with `policy_changed` when somebody else changed it since `revision`. */
export function changeTrainingPolicy(
  projectId: number,
  policy: Partial<TrainingPolicy>,
  revision: number,
): Promise<TrainingPolicyAnswer> {
  const body = { policy, revision };
  return call(client.PATCH("/api/projects/{project_id}/training-policy", { ...of(projectId), body }));
}
