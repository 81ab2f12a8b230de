// The three stages of a project: their policies, what waits in them, and moving images from one to the next.
import { queryOptions } from "@tanstack/react-query";
import { call, client } from "./client";
import { projectKey } from "./projects";
import type { components } from "./schema";
import type { StageName } from "./types";

type Schemas = components["schemas"];

export type StagePolicy = Schemas["StagePolicy"];
export type QueueOrder = StagePolicy["queue_order"];
export type ExitRule = Schemas["ExitRule"];
export type ProposeOptions = Schemas["ProposeOptions"];
export type AutomaticOptions = Schemas["AutomaticOptions"];
export type AutomaticPreset = Schemas["AutomaticPreset"];
export type AutomaticThresholds = Schemas["AutomaticThresholds"];
export type Stage = Schemas["StageOut"];
export type StageList = Schemas["StageList"];
export type ItemState = keyof Stage["counts"];
export type ExitProgress = Schemas["ExitProgress"];
export type AdmitRule = Schemas["AdmitRule"];
export type AdmitAnswer = Schemas["AdmitOut"];
export type Admission = Schemas["AdmissionOut"];

export type AutomaticMask = Awaited<ReturnType<typeof previewAutomatic>>["masks"][number];

const of = (projectId: number) => ({ params: { path: { project_id: projectId } } });

export const stagesKey = (projectId: number) => [...projectKey(projectId), "stages"];
export const admissionsKey = (projectId: number) => [...projectKey(projectId), "admissions"];

export const stagesQuery = (projectId: number) =>
  queryOptions({
    queryKey: stagesKey(projectId),
    queryFn: ({ signal }) => call(client.GET("/api/projects/{project_id}/stages", { ...of(projectId), signal })),
  });

export const admissionsQuery = (projectId: number) =>
  queryOptions({
    queryKey: admissionsKey(projectId),
    queryFn: ({ signal }) => call(client.GET("/api/projects/{project_id}/admissions", { ...of(projectId), signal })),
  });

/** Refused with `policy_changed` when somebody else changed it since `revision`. */
export function changeStage(projectId: number, stage: StageName, policy: Partial<StagePolicy>, revision: number): Promise<Stage> {
  const params = { path: { project_id: projectId, stage } };
  return call(client.PATCH("/api/projects/{project_id}/stages/{stage}", { params, body: { policy, revision } }));
}

/** With `isDryRun` nothing moves: only what would. */
export function admit(
  projectId: number,
  stage: StageName,
  { rule, reason, isDryRun }: { rule: AdmitRule; reason: string; isDryRun: boolean },
  signal: AbortSignal | null = null,
): Promise<AdmitAnswer> {
  const params = { path: { project_id: projectId, stage } };
  const body = { rule, reason, dry_run: isDryRun };
  return call(client.POST("/api/projects/{project_id}/stages/{stage}/admit", { params, body, signal }));
}

export function revertAdmission(projectId: number, admissionId: number, reason: string): Promise<Schemas["RevertOut"]> {
  const params = { path: { project_id: projectId, admission_id: admissionId } };
  return call(client.POST("/api/projects/{project_id}/admissions/{admission_id}/revert", { params, body: { reason } }));
}

/** Masks of one image with these options; nothing is stored. */
export function previewAutomatic(imageId: number, options: AutomaticOptions, signal: AbortSignal) {
  const params = { path: { image_id: imageId } };
  return call(client.POST("/api/images/{image_id}/automatic", { params, body: { options }, signal }));
}
