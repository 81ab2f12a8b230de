// What the loop brought: rounds, people, the audit of the automatic stage.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call, client } from "./client";
import { projectKey } from "./projects";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Round = Schemas["Round"];
export type RunFigures = Schemas["RunFigures"];
export type Share = Schemas["Proportion"];
export type Audit = Schemas["AuditOut"];
export type ProposalFigures = Schemas["ProposalFigures"];
export type ScoreRow = Schemas["ScoreRow"];

const of = (projectId: number) => ({ params: { path: { project_id: projectId } } });

export const statisticsKey = (projectId: number) => [...projectKey(projectId), "statistics"];

export const flywheelQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...statisticsKey(projectId), "flywheel"],
    queryFn: ({ signal }) => call(client.GET("/api/projects/{project_id}/statistics/flywheel", { ...of(projectId), signal })),
  });

export const peopleFiguresQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...statisticsKey(projectId), "people"],
    queryFn: ({ signal }) => call(client.GET("/api/projects/{project_id}/statistics/people", { ...of(projectId), signal })),
  });

export const proposalFiguresQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...statisticsKey(projectId), "proposals"],
    queryFn: ({ signal }) => call(client.GET("/api/projects/{project_id}/statistics/proposals", { ...of(projectId), signal })),
  });

/** `version` null: the one that is judged. */
export const auditQuery = (projectId: number, version: string | null) =>
  queryOptions({
    queryKey: [...statisticsKey(projectId), "audit", version],
    queryFn: ({ signal }) => {
      const params = { path: { project_id: projectId }, query: { model_version: version } };
      return call(client.GET("/api/projects/{project_id}/statistics/audit", { params, signal }));
    },
    placeholderData: keepPreviousData,
  });
