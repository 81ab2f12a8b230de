// What happens in a project, as it happens: each event has what it touched fetched again. No polling while the line is open.
import { infiniteQueryOptions, type QueryClient } from "@tanstack/react-query";
import { createStore } from "zustand/vanilla";
import { call, client } from "./client";
import { projectKey } from "./projects";
import type { components } from "./schema";

export type AuditEntry = components["schemas"]["EventOut"];

const AUDIT_PER_PAGE = 50;

export const auditLogQuery = (projectId: number) =>
  infiniteQueryOptions({
    queryKey: [...projectKey(projectId), "audit-log"],
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: AUDIT_PER_PAGE, ...(pageParam === null ? {} : { cursor: Number(pageParam) }) };
      const params = { path: { project_id: projectId }, query };
      return call(client.GET("/api/projects/{project_id}/audit-log", { params, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });

/** Whether the line to the server is open; the queries that poll while it is not ask here. */
export const live = createStore<{ isOpen: boolean }>(() => ({ isOpen: false }));

/** What an event of this kind may have changed: the part of the query key after the project; "" is the project itself. */
const TOUCHED: Readonly<Record<string, readonly string[]>> = {
  jobs: ["jobs", "exports", "training-runs", "snapshots"],
  work: ["", "stages", "statistics", "work"],
  "work.freed": ["work", "stages", "images", "audit-log"],
  "stage.admitted": ["stages", "admissions", "audit-log", "images"],
  "stage.reverted": ["stages", "admissions", "audit-log", "images"],
  "stage.policy_changed": ["stages", "audit-log", "statistics"],
  "stage.exit_reached": ["stages", "audit-log"],
  "training.policy_changed": ["training-policy", "audit-log"],
  "training.started": ["training-runs", "snapshots", "audit-log", "jobs"],
  "training.finished": ["training-runs", "snapshots", "promotions", "statistics", "audit-log", "jobs"],
  "training.failed": ["training-runs", "audit-log", "jobs"],
  "training.cancelled": ["training-runs", "audit-log", "jobs"],
  "model.promoted": ["", "stages", "training-runs", "promotions", "statistics", "audit-log"],
  "model.rolled_back": ["", "stages", "training-runs", "promotions", "statistics", "audit-log"],
  "model.refused": ["training-runs", "statistics", "audit-log"],
  "detector.promoted": ["", "stages", "training-runs", "promotions", "statistics", "audit-log"],
  "snapshot.made": ["snapshots", "audit-log"],
  "audit.passed": ["stages", "statistics", "audit-log"],
  "image.accepted": ["audit-log"],
  "image.sent_back": ["", "stages", "images", "statistics", "audit-log"],
};

/** Events come in bunches; what they touched is fetched at most this often. */
const FLUSH_MS = 500;
const POLL_MS = 15_000;
/** Tiles change with all work, but all pages of them that are shown are fetched again: no oftener than POLL_MS. */
const CHANGED_BY_WORK = "images";
const RETRY_MS = [2000, 5000, 15_000, 60_000];

/** Keeps the queries of a project true until the function it returns is called. A hidden page gives its line back. */
export function watchProject(projectId: number, queryClient: QueryClient): () => void {
  let source: EventSource | null = null;
  let timer: number | undefined;
  let flushTimer: number | undefined;
  let failures = 0;
  const touched = new Set<string>();
  let hasWorked = false;

  const flush = (): void => {
    flushTimer = undefined;
    for (const part of touched) {
      if (part === "") void queryClient.invalidateQueries({ queryKey: projectKey(projectId), exact: true });
      else void queryClient.invalidateQueries({ queryKey: [...projectKey(projectId), part] });
    }
    touched.clear();
  };
  const touch = (kind: string): void => {
    for (const part of TOUCHED[kind] ?? []) touched.add(part);
    if (kind === "work") hasWorked = true;
    flushTimer ??= window.setTimeout(flush, FLUSH_MS);
  };
  const touchAll = (): void => Object.keys(TOUCHED).forEach(touch);

  const close = (): void => {
    window.clearTimeout(timer);
    source?.close();
    source = null;
    live.setState({ isOpen: false });
  };
  const open = (): void => {
    close();
    if (document.hidden) return;
    source = new EventSource(`/api/projects/${projectId}/events`);
    source.onopen = () => {
      failures = 0;
      live.setState({ isOpen: true });
      touchAll(); // whatever happened while nobody listened, also between the page's first answers and now
    };
    source.onerror = () => {
      live.setState({ isOpen: false });
      // While it is CONNECTING the browser itself tries again, from the last event on.
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = window.setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    };
    for (const kind of Object.keys(TOUCHED)) source.addEventListener(kind, () => touch(kind));
  };
  const onVisible = (): void => (document.hidden ? close() : open());
  const poll = window.setInterval(() => {
    if (document.hidden) return;
    if (!live.getState().isOpen) touchAll();
    if (hasWorked) void queryClient.invalidateQueries({ queryKey: [...projectKey(projectId), CHANGED_BY_WORK] });
    hasWorked = false;
  }, POLL_MS);

  document.addEventListener("visibilitychange", onVisible);
  open();
  return () => {
    document.removeEventListener("visibilitychange", onVisible);
    window.clearInterval(poll);
    window.clearTimeout(flushTimer);
    close();
  };
}
