// The training runs: start one, follow it, judge what came of it.
import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { canManage } from "../../api/roles";
import { isRunning, runsQuery } from "../../api/training";
import type { Project } from "../../api/types";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { words } from "../../words/models";
import { useLive } from "./live";
import { ReasonDialog, type Step } from "./ReasonDialog";
import { RunCard } from "./RunCard";
import { outdatedWords } from "./runWords";
import { StartRun } from "./StartRun";

export function Runs({ project }: { project: Project }): ReactNode {
  const runs = useQuery(runsQuery(project.id));
  const live = useLive(project.id);
  const [isStarting, setIsStarting] = useState(false);
  const [step, setStep] = useState<Step | null>(null);
  const items = runs.data?.items ?? [];
  const isBusy = items.some(({ state }) => isRunning(state));
  return (
    <Stack component="section" aria-labelledby="runs" gap="sm">
      <Group justify="space-between">
        <Title order={2} id="runs">
          {words.runs.title}
        </Title>
        {canManage(project) && (
          <Button onClick={() => setIsStarting(true)} disabled={isBusy} title={isBusy ? words.runs.oneAtATime : undefined}>
            {words.runs.start}
          </Button>
        )}
      </Group>
      {runs.isPending && <SkeletonRows rows={2} height={96} />}
      {runs.error !== null && (
        <ErrorPanel title={words.runs.notRead} message={messageOf(runs.error)} onRetry={() => void runs.refetch()} />
      )}
      {runs.data !== undefined && items.length === 0 && (
        <Text c="dimmed" maw={640}>
          {words.runs.none}
        </Text>
      )}
      <div>
        {items.map((run, i) => (
          <RunCard
            key={run.id}
            run={run}
            readAt={runs.dataUpdatedAt}
            isNewest={i === 0}
            mayManage={canManage(project)}
            isLive={live === null || run.candidate_version === live[run.kind]}
            outdated={outdatedWords(run, live)}
            onPromote={() =>
              setStep({
                kind: run.kind,
                action: "promote",
                from: live?.[run.kind] ?? null,
                to: run.candidate_version,
                warning: run.state === "refused" ? run.reason : null,
                outdated: outdatedWords(run, live),
              })
            }
          />
        ))}
      </div>
      <StartRun projectId={project.id} isOpen={isStarting} onClose={() => setIsStarting(false)} />
      <ReasonDialog projectId={project.id} step={step} onClose={() => setStep(null)} />
    </Stack>
  );
}
