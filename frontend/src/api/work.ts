// Images in people's hands: who holds which one, and taking one out of somebody's hands.
import { infiniteQueryOptions } from "@tanstack/react-query";
import { call, client } from "./client";
import { projectKey } from "./projects";
import type { components } from "./schema";

export type Held = components["schemas"]["HeldOut"];

const PER_PAGE = 50;
/** Leases are renewed without an event that tells of it. */
const REFRESH_MS = 60_000;

export const heldKey = (projectId: number) => [...projectKey(projectId), "work"];

export const heldQuery = (projectId: number) =>
  infiniteQueryOptions({
    queryKey: heldKey(projectId),
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: PER_PAGE, ...(pageParam === null ? {} : { cursor: pageParam }) };
      const params = { path: { project_id: projectId }, query };
      return call(client.GET("/api/projects/{project_id}/work", { params, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: REFRESH_MS,
  });

/** Refused with `not_held` when this person does not hold it any more. */
export function freeWork({ work_id, holder }: Held, reason: string): Promise<unknown> {
  const params = { path: { work_id } };
  return call(client.POST("/api/work/{work_id}/free", { params, body: { holder_id: holder.id, reason } }));
}
