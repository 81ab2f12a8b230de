// The three stages of a project: their policies, what waits in them, and moving images from one to the next.
import { queryOptions } from "@tanstack/react-query";
import { ask } from "./ask";
import { projectKey } from "./projects";
import type { Image, StageName } from "./types";

export type QueueOrder = "oldest" | "newest" | "random" | "uncertain";
export type ItemState = "proposing" | "ready" | "claimed" | "done" | "skipped" | "moved";

export interface ExitRule {
  min_masks: number | null;
  min_images: number | null;
  max_seconds_per_mask: number | null;
  is_automatic: boolean;
  batch: number;
  audit_min_share_75: number;
  audit_min_share_90: number;
  audit_min_masks: number;
}

export interface ProposeOptions {
  min_score: number;
  min_predicted_iou: number;
  box_nms_thresh: number;
  mask_nms_thresh: number;
  max_proposals: number;
}

export interface AutomaticOptions {
  points_per_side: number;
  points_per_batch: number;
  pred_iou_thresh: number;
  stability_score_thresh: number;
  stability_score_offset: number;
  box_nms_thresh: number;
  crop_n_layers: number;
  crop_nms_thresh: number;
  crop_overlap_ratio: number;
  crop_n_points_downscale_factor: number;
  min_mask_region_area: number;
  max_area_share: number;
  mask_nms_thresh: number | null;
  max_masks: number | null;
}

export interface StagePolicy {
  queue_order: QueueOrder;
  hint_seconds: number;
  budget_images: number | null;
  review_share: number;
  exit: ExitRule;
  propose: ProposeOptions;
  automatic: AutomaticOptions;
  human_overlap_iou: number;
}

export interface ExitProgress {
  name: string;
  /** null: not known yet. */
  have: number | null;
  need: number;
}

export interface Stage {
  stage: StageName;
  policy: StagePolicy;
  revision: number;
  counts: Record<ItemState, number>;
  exit: { is_ready: boolean; unmet: string[]; progress: ExitProgress[] };
  rate_per_hour: number | null;
  seconds_left: number | null;
  masks: number;
}

export interface StageList {
  stages: Stage[];
  model_version: string | null;
  detector_version: string | null;
}

export interface AdmitRule {
  count: number | null;
  name_contains: string | null;
  random_share: number | null;
  image_ids: number[] | null;
  include_done: boolean;
}

export interface AdmitAnswer {
  image_count: number;
  first: Image[];
  admission_id: number | null;
}

export interface Admission {
  id: number;
  from_stage: StageName;
  to_stage: StageName;
  rule: Partial<AdmitRule>;
  reason: string;
  author: { id: number; name: string } | null;
  image_count: number;
  created_at: string;
  reverted_at: string | null;
  reverted_count: number | null;
}

export interface AutomaticMask {
  rle: { size: number[]; counts: string };
  bbox_xywh: number[];
  area: number;
  predicted_iou: number;
  stability_score: number;
  point_xy: number[];
}

export interface AutomaticAnswer {
  model_version: string;
  masks: AutomaticMask[];
}

export const stagesKey = (projectId: number) => [...projectKey(projectId), "stages"];
export const admissionsKey = (projectId: number) => [...projectKey(projectId), "admissions"];

export const stagesQuery = (projectId: number) =>
  queryOptions({
    queryKey: stagesKey(projectId),
    queryFn: ({ signal }) => ask<StageList>("GET", `/projects/${projectId}/stages`, undefined, signal),
  });

export const admissionsQuery = (projectId: number) =>
  queryOptions({
    queryKey: admissionsKey(projectId),
    queryFn: ({ signal }) => ask<{ items: Admission[] }>("GET", `/projects/${projectId}/admissions`, undefined, signal),
  });

/** Refused with `policy_changed` when somebody else changed it since `revision`. */
export function changeStage(projectId: number, stage: StageName, policy: Partial<StagePolicy>, revision: number): Promise<Stage> {
  return ask("PATCH", `/projects/${projectId}/stages/${stage}`, { policy, revision });
}

/** With `isDryRun` nothing moves: only what would. */
export function admit(
  projectId: number,
  stage: StageName,
  wanted: { rule: AdmitRule; reason: string; isDryRun: boolean },
  signal?: AbortSignal,
): Promise<AdmitAnswer> {
  const body = { rule: wanted.rule, reason: wanted.reason, dry_run: wanted.isDryRun };
  return ask("POST", `/projects/${projectId}/stages/${stage}/admit`, body, signal);
}

export function revertAdmission(projectId: number, admissionId: number, reason: string): Promise<{ reverted: number; stay: number }> {
  return ask("POST", `/projects/${projectId}/admissions/${admissionId}/revert`, { reason });
}

/** Masks of one image with these options; nothing is stored. */
export function previewAutomatic(imageId: number, options: Partial<AutomaticOptions>, signal: AbortSignal): Promise<AutomaticAnswer> {
  return ask("POST", `/images/${imageId}/automatic`, { options }, signal);
}
