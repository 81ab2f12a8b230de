// What the loop brought: rounds, people, the audit of the automatic stage.
import { queryOptions } from "@tanstack/react-query";
import { ask } from "./ask";
import { projectKey } from "./projects";
import type { Interval } from "./training";

export interface Round {
  model_version: string;
  promoted_at: string | null;
  masks: number;
  median_seconds: number | null;
  mean_seconds: number | null;
  median_clicks: number | null;
  mean_clicks: number | null;
  masks_per_image: number | null;
  kept: number;
  edited: number;
  rejected: number;
  added: number;
  run: {
    id: number;
    iou_1: Interval;
    iou_3: Interval;
    iou_5: Interval;
    noc_85: Interval;
    calibration_error: number | null;
  } | null;
}

export interface PersonFigures {
  id: number;
  name: string;
  masks: number;
  median_seconds: number | null;
  median_clicks: number | null;
  kept: number;
  edited: number;
  rejected: number;
}

export interface Share {
  value: number | null;
  low: number | null;
  high: number | null;
}

export interface AuditThreshold {
  pred_iou_thresh: number;
  stability_score_thresh: number;
  masks: number;
  kept_share: number;
  share_75: Share;
  share_90: Share;
}

export interface Audit {
  masks: number;
  images: number;
  share_75: Share;
  share_90: Share;
  rejected: number;
  added: number;
  is_passed: boolean;
  need: number;
  by_threshold: AuditThreshold[];
}

export const statisticsKey = (projectId: number) => [...projectKey(projectId), "statistics"];

export const flywheelQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...statisticsKey(projectId), "flywheel"],
    queryFn: ({ signal }) => ask<{ rounds: Round[] }>("GET", `/projects/${projectId}/statistics/flywheel`, undefined, signal),
  });

export const peopleFiguresQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...statisticsKey(projectId), "people"],
    queryFn: ({ signal }) => ask<{ people: PersonFigures[] }>("GET", `/projects/${projectId}/statistics/people`, undefined, signal),
  });

export const auditQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...statisticsKey(projectId), "audit"],
    queryFn: ({ signal }) => ask<Audit>("GET", `/projects/${projectId}/statistics/audit`, undefined, signal),
  });
