// Whether the loop turns: one column a round, small charts that share one axis, and the same numbers as a table.
import "./flywheel.css";
import { Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { modelsQuery } from "../../api/jobs";
import { projectQuery } from "../../api/projects";
import { canManage } from "../../api/roles";
import { stagesQuery } from "../../api/stages";
import { flywheelQuery, type Round } from "../../api/statistics";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { ButtonLink } from "../../ui/links";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { words } from "../../words/flywheel";
import { Multiples } from "./Multiples";
import { PeopleTable } from "./PeopleTable";
import { RoundTable } from "./RoundTable";

const route = getRouteApi("/signed-in/shell/projects/$projectId/flywheel");

export function FlywheelPage(): ReactNode {
  const { projectId } = route.useParams();
  const { data: project } = useQuery(projectQuery(projectId));
  const flywheel = useQuery(flywheelQuery(projectId));
  const live = useLiveVersion(projectId);
  if (project === undefined) return null;
  const rounds = flywheel.data?.rounds;
  return (
    <Stack className="flywheel" gap={40}>
      {flywheel.isPending && <SkeletonRows rows={4} height={112} />}
      {flywheel.error !== null && (
        <ErrorPanel
          title={words.notRead}
          message={messageOf(flywheel.error)}
          onRetry={() => void flywheel.refetch()}
        />
      )}
      {rounds !== undefined && (isEmpty(rounds) ? <NothingYet projectId={projectId} /> : <Rounds rounds={rounds} live={live} />)}
      {canManage(project) && rounds !== undefined && !isEmpty(rounds) && <PeopleTable projectId={projectId} />}
    </Stack>
  );
}

/** The version that is live: the last round's, unless somebody rolled back. */
function useLiveVersion(projectId: number): string | null {
  const { data: stages } = useQuery(stagesQuery(projectId));
  const { data: models } = useQuery(modelsQuery);
  if (stages === undefined) return null;
  return stages.model_version ?? models?.items.find(({ is_default }) => is_default)?.id ?? null;
}

const isEmpty = (rounds: readonly Round[]): boolean => rounds.every(({ masks, run }) => masks === 0 && run === null);

function Rounds({ rounds, live }: { rounds: readonly Round[]; live: string | null }): ReactNode {
  return (
    <>
      <Stack component="section" aria-labelledby="rounds" gap="sm">
        <div>
          <Title order={2} id="rounds">
            {words.rounds}
          </Title>
          <Text c="dimmed">
            {words.roundsText}
          </Text>
        </div>
        <Multiples rounds={rounds} live={live} />
      </Stack>
      <RoundTable rounds={rounds} live={live} />
    </>
  );
}

function NothingYet({ projectId }: { projectId: number }): ReactNode {
  return (
    <EmptyState
      title={words.none}
      action={
        <ButtonLink to="/projects/$projectId/models" params={{ projectId }} variant="default">
          {words.showModels}
        </ButtonLink>
      }
    >
      {words.noneText}
    </EmptyState>
  );
}
