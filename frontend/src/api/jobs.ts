// Jobs and exports: background work, its progress and its results.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call, client } from "./client";
import { reasonWords } from "./errors";
import { live } from "./events";
import { projectKey } from "./projects";
import type { Export, ExportFormat, Job, JobState } from "./types";

const POLL_MS = 1000;

export const isUnderWay = (state: JobState): boolean => state === "queued" || state === "running";

/** Polls each second while something runs and no event would tell; else not at all. */
const pollWhileUnderWay = (items: readonly { state: JobState }[] | undefined): number | false =>
  !live.getState().isOpen && items?.some((item) => isUnderWay(item.state)) ? POLL_MS : false;

interface Failing {
  readonly error: string | null;
}

const told = <Item extends Failing, Page extends { items: Item[] }>(page: Page): Page => ({
  ...page,
  items: page.items.map((item) => ({ ...item, error: reasonWords(item.error) })),
});

export const jobsKey = (projectId: number) => [...projectKey(projectId), "jobs"];
export const exportsKey = (projectId: number) => [...projectKey(projectId), "exports"];

export const jobsQuery = (projectId: number) =>
  infiniteQueryOptions({
    queryKey: jobsKey(projectId),
    queryFn: ({ pageParam, signal }) => {
      const query = pageParam === null ? {} : { cursor: Number(pageParam) };
      const params = { path: { project_id: projectId }, query };
      return call(client.GET("/api/projects/{project_id}/jobs", { params, signal })).then(told);
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: (query) => pollWhileUnderWay(query.state.data?.pages.flatMap(({ items }) => items)),
  });

export const exportsQuery = (projectId: number) =>
  infiniteQueryOptions({
    queryKey: exportsKey(projectId),
    queryFn: ({ pageParam, signal }) => {
      const query = pageParam === null ? {} : { cursor: Number(pageParam) };
      const params = { path: { project_id: projectId }, query };
      return call(client.GET("/api/projects/{project_id}/exports", { params, signal })).then(told);
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: (query) => pollWhileUnderWay(query.state.data?.pages.flatMap(({ items }) => items)),
  });

export function createExport(
  projectId: number,
  wanted: { format: ExportFormat; include_images: boolean },
): Promise<Export> {
  const path = { project_id: projectId };
  return call(client.POST("/api/projects/{project_id}/exports", { params: { path }, body: wanted }));
}

export async function deleteExport(exportId: number): Promise<void> {
  await call(client.DELETE("/api/exports/{export_id}", { params: { path: { export_id: exportId } } }));
}

export const downloadUrl = (exportId: number): string => `/api/exports/${exportId}/download`;

export function cancelJob(jobId: number): Promise<Job> {
  return call(client.POST("/api/jobs/{job_id}/cancel", { params: { path: { job_id: jobId } } }));
}

export function retryJob(jobId: number): Promise<Job> {
  return call(client.POST("/api/jobs/{job_id}/retry", { params: { path: { job_id: jobId } } }));
}

/** Which models there are, and whether the model server answers now; asked often while it does not. */
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: ({ signal }) => call(client.GET("/api/models", { signal })),
  refetchInterval: (query) => (query.state.data?.is_model_server_up === false ? 5000 : 60_000),
});
