// Background work of a project: what runs, what is done, what died and why.
import { Button, Group, Stack, Text } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { cancelJob, isUnderWay, jobsKey, jobsQuery, retryJob } from "../../api/jobs";
import { projectQuery } from "../../api/projects";
import { canSteer } from "../../api/roles";
import type { Job } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { moment } from "../../ui/format";
import { JobProgress } from "../../ui/JobProgress";
import { kindWords } from "../../ui/jobWords";
import { JobStateMark } from "../../ui/JobStateMark";
import { MoreButton } from "../../ui/MoreButton";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { words } from "../../words/jobs";

const route = getRouteApi("/signed-in/shell/projects/$projectId/jobs");

export function JobsPage(): ReactNode {
  const { projectId } = route.useParams();
  const jobs = useInfiniteQuery(jobsQuery(projectId));
  const items = jobs.data?.pages.flatMap((page) => page.items);
  return (
    <Stack className="page" gap="md">
      {jobs.isPending && <SkeletonRows rows={4} height={64} />}
      {jobs.error !== null && (
        <ErrorPanel title={words.notRead} message={messageOf(jobs.error)} onRetry={() => void jobs.refetch()} />
      )}
      {items?.length === 0 && (
        <EmptyState title={words.none}>
          {words.noneText}
        </EmptyState>
      )}
      <Stack gap={0}>
        {groupDone(items ?? []).map(([job, ...same]) => (
          <JobRow key={job.id} job={job} same={same.length} projectId={projectId} readAt={jobs.dataUpdatedAt} />
        ))}
      </Stack>
      <MoreButton list={jobs}>{words.older}</MoreButton>
    </Stack>
  );
}

/** Jobs in their order; one after another of one kind that are done make one group. */
function groupDone(jobs: readonly Job[]): [Job, ...Job[]][] {
  const groups: [Job, ...Job[]][] = [];
  for (const job of jobs) {
    const last = groups.at(-1);
    if (last !== undefined && isSameDone(last[0], job)) last.push(job);
    else groups.push([job]);
  }
  return groups;
}

const isSameDone = (...both: [Job, Job]): boolean =>
  both.every(({ state, attempt }) => state === "done" && attempt === 1) && both[0].kind === both[1].kind;

interface JobRowProps {
  job: Job;
  /** How many older ones of its kind this row stands for, too. */
  same: number;
  projectId: number;
  readAt: number;
}

function JobRow({ job, same, projectId, readAt }: JobRowProps): ReactNode {
  const { data: project } = useQuery(projectQuery(projectId));
  const queryClient = useQueryClient();
  const refresh = (): Promise<void> => queryClient.invalidateQueries({ queryKey: jobsKey(projectId) });
  const cancel = useMutation({ mutationFn: () => cancelJob(job.id), onSettled: refresh });
  const retry = useMutation({ mutationFn: () => retryJob(job.id), onSettled: refresh });
  const mayAct = project !== undefined && canSteer(project, job);
  const refusal = cancel.error ?? retry.error;
  return (
    <Stack gap={8} py={14} style={{ borderBottom: "1px solid var(--sl-line)" }}>
      <Group gap="md" wrap="nowrap">
        <JobStateMark state={job.state} />
        <Text style={{ flex: 1 }}>
          {kindWords(job.kind)}
          {same > 0 && (
            <Text span c="dimmed" className="tabular">
              {words.times(same + 1)}
            </Text>
          )}
          {job.attempt > 1 && (
            <Text span c="dimmed" className="tabular">
              {words.attempt(job.attempt, job.max_attempts)}
            </Text>
          )}
        </Text>
        <Text size="sm" c="dimmed" className="tabular">
          {moment(job.created_at)}
        </Text>
        {mayAct && isUnderWay(job.state) && (
          <Button size="compact-sm" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
            {words.cancel}
          </Button>
        )}
        {mayAct && (job.state === "dead" || job.state === "cancelled") && (
          <Button size="compact-sm" variant="default" loading={retry.isPending} onClick={() => retry.mutate()}>
            {words.runAgain}
          </Button>
        )}
      </Group>
      {isUnderWay(job.state) && (
        <JobProgress {...job.progress} readAt={readAt} />
      )}
      {job.error !== null && job.state !== "done" && (
        <Text size="sm" c="var(--sl-red)">
          {job.error}
        </Text>
      )}
      {refusal !== null && (
        <Text size="sm" role="alert" c="var(--sl-red)">
          {messageOf(refusal)}
        </Text>
      )}
    </Stack>
  );
}
