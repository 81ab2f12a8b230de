// One run: its state and why, its curve while it trains, and how the candidate did against the live version.
import { Button, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconBan, IconCircleCheck, IconCircleX, IconClock, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { cancelRun, isRunning, type Run, runsKey, type RunState } from "../../api/training";
import { Curve } from "../../ui/charts/Curve";
import { duration, moment } from "../../ui/format";
import { JobProgress } from "../../ui/JobProgress";
import { iou } from "../../ui/measureWords";
import { words } from "../../words/models";
import { words as uiWords } from "../../words/ui";
import { ComparisonTables } from "./ComparisonTables";
import { SendCheckpoint } from "./SendCheckpoint";
import { curveOf, KIND_WORDS, STATE_TONES } from "./runWords";

interface RunCardProps {
  run: Run;
  /** When the server's answer came, in milliseconds. */
  readAt: number;
  isNewest: boolean;
  mayManage: boolean;
  /** Its candidate is live now, as far as is known. */
  isLive: boolean;
  /** That it was compared with a version that is not live any more. */
  outdated: string | null;
  onPromote: () => void;
}

export function RunCard({ run, readAt, isNewest, mayManage, isLive, outdated, onPromote }: RunCardProps): ReactNode {
  const isUnderWay = isRunning(run.state);
  const [isOpenByHand, setIsOpenByHand] = useState<boolean | null>(null);
  const hasMore = run.metrics !== null || run.curve.length > 0;
  const isOpen = hasMore && (isOpenByHand ?? (isNewest || isUnderWay));
  // What was promoted and rolled back since may be promoted again.
  const hasEnded = run.state === "candidate" || run.state === "refused" || (run.state === "promoted" && !isLive);
  const mayPromote = mayManage && hasEnded && run.candidate_version !== null;
  const title = words.runs.name(run.id, KIND_WORDS[run.kind].name);
  return (
    <article className="run" aria-label={title} data-run={run.id} data-state={run.state}>
      <Stack gap="sm">
        <Group gap="md">
          <StateMark state={run.state} isElsewhere={run.waits_for_checkpoint} />
          <Text style={{ flex: 1 }} className="tabular">
            {title}
            <Text span c="dimmed" size="sm">
              {facts(run)}
            </Text>
          </Text>
          {hasMore && !isUnderWay && (
            <Button size="compact-sm" variant="subtle" aria-expanded={isOpen} onClick={() => setIsOpenByHand(!isOpen)}>
              {isOpen ? words.runs.hide : words.runs.show}
            </Button>
          )}
          {mayPromote && (
            <Button size="compact-sm" variant={run.state === "candidate" && outdated === null ? "filled" : "default"} onClick={onPromote}>
              {run.state === "refused" ? words.runs.promoteAnyway : words.runs.promote}
            </Button>
          )}
          {mayManage && isUnderWay && <CancelButton run={run} />}
        </Group>
        <Verdict run={run} />
        {hasEnded && outdated !== null && (
          <Text className="verdict" data-tone="look">
            {outdated}
          </Text>
        )}
        {run.waits_for_checkpoint && mayManage && <SendCheckpoint run={run} />}
        {isUnderWay && !run.waits_for_checkpoint && run.job !== null && <JobProgress phase={run.job.phase} done={run.job.done} total={run.job.total} readAt={readAt} />}
        {isOpen && run.curve.length > 1 && <Curves run={run} />}
        {isOpen && run.metrics !== null && <ComparisonTables metrics={run.metrics} />}
      </Stack>
    </article>
  );
}

function facts(run: Run): string {
  const parts = [
    run.snapshot_number === null ? null : words.runs.snapshot(run.snapshot_number),
    run.candidate_version,
    run.trigger === "policy" ? words.runs.byPolicy : null,
    moment(run.created_at),
    run.seconds_left === null ? null : uiWords.timeLeft(duration(run.seconds_left)),
  ].filter((part) => part !== null);
  return words.runs.facts(parts);
}

const TONES = {
  quiet: "var(--sl-muted)",
  active: "var(--sl-accent)",
  good: "var(--sl-green)",
  look: "var(--sl-amber)",
  bad: "var(--sl-red)",
} as const;

const ICONS: Readonly<Record<RunState, typeof IconClock>> = {
  queued: IconClock,
  snapshotting: IconPlayerPlay,
  training: IconPlayerPlay,
  evaluating: IconPlayerPlay,
  promoted: IconCircleCheck,
  candidate: IconCircleCheck,
  refused: IconCircleX,
  failed: IconAlertTriangle,
  cancelled: IconBan,
};

function StateMark({ state, isElsewhere }: { state: RunState; isElsewhere: boolean }): ReactNode {
  const tone = STATE_TONES[state];
  const Icon = isElsewhere ? IconClock : ICONS[state];
  return (
    <span className="run-state">
      <Icon aria-hidden size={18} color={TONES[tone]} />
      {isElsewhere ? words.runs.elsewhere : words.runs.states[state]}
    </span>
  );
}

/** Why it ended as it did: refusals stand out as much as promotions. */
function Verdict({ run }: { run: Run }): ReactNode {
  const sentence = run.reason ?? run.metrics?.gate.reason ?? null;
  if (sentence === null || sentence === "") return null;
  return (
    <Text className="verdict" data-tone={STATE_TONES[run.state]}>
      {sentence}
      {run.state === "candidate" && words.runs.waits}
    </Text>
  );
}

function Curves({ run }: { run: Run }): ReactNode {
  const end = run.planned_steps;
  return (
    <Group gap="lg" align="flex-start">
      <Curve title={words.runs.loss} points={curveOf(run, "loss")} end={end} format={(value) => value.toFixed(2)} />
      <Curve title={words.runs.iou} points={curveOf(run, "iou")} end={end} format={iou} />
    </Group>
  );
}

function CancelButton({ run }: { run: Run }): ReactNode {
  const queryClient = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => cancelRun(run.id),
    onSettled: () => queryClient.invalidateQueries({ queryKey: runsKey(run.project_id) }),
  });
  return (
    <>
      {cancel.error !== null && (
        <Text size="sm" role="alert" c="var(--sl-red)">
          {messageOf(cancel.error)}
        </Text>
      )}
      <Button size="compact-sm" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
        {words.runs.cancel}
      </Button>
    </>
  );
}
