// Who did what in a project, newest first: stages, models, snapshots. It is never shortened.
import { Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { type AuditEntry, auditLogQuery } from "../../api/events";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { moment } from "../../ui/format";
import { MoreButton } from "../../ui/MoreButton";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { words } from "../../words/activity";
import { detailOf, happened } from "./activityWords";

const route = getRouteApi("/signed-in/shell/projects/$projectId/activity");

export function ActivityPage(): ReactNode {
  const { projectId } = route.useParams();
  const log = useInfiniteQuery(auditLogQuery(projectId));
  const entries = log.data?.pages.flatMap(({ items }) => items);
  return (
    <Stack className="page" gap="md">
      {log.isPending && <SkeletonRows rows={5} height={44} />}
      {log.error !== null && (
        <ErrorPanel title={words.notRead} message={messageOf(log.error)} onRetry={() => void log.refetch()} />
      )}
      {entries?.length === 0 && (
        <EmptyState title={words.none}>
          {words.noneText}
        </EmptyState>
      )}
      {entries !== undefined && entries.length > 0 && (
        <ol style={{ margin: 0, padding: 0, listStyle: "none" }} aria-label={words.title}>
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </ol>
      )}
      <MoreButton list={log}>{words.older}</MoreButton>
    </Stack>
  );
}

function Entry({ entry }: { entry: AuditEntry }): ReactNode {
  const detail = detailOf(entry);
  return (
    <Stack component="li" gap={2} py={10} style={{ borderBottom: "1px solid var(--sl-line)" }} data-kind={entry.kind}>
      <div style={{ display: "flex", gap: 16, justifyContent: "space-between" }}>
        <Text style={{ overflowWrap: "anywhere" }}>{happened(entry)}</Text>
        <Text size="sm" c="dimmed" className="tabular" style={{ whiteSpace: "nowrap" }}>
          {words.by(entry.actor?.name ?? words.byRule, moment(entry.created_at))}
        </Text>
      </div>
      {detail !== null && (
        <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {detail}
        </Text>
      )}
    </Stack>
  );
}
