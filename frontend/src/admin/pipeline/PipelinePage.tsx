// The three stages side by side: what is where, how fast it moves, what lets it go on, and the hand that moves it.
import "./pipeline.css";
import { Alert, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Fragment, type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { projectQuery } from "../../api/projects";
import { canManage } from "../../api/roles";
import { type Stage, type StageList, stagesQuery } from "../../api/stages";
import type { Project, StageName } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { ButtonLink } from "../../ui/links";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { STAGE_ORDER, STAGE_WORDS } from "../../ui/stageWords";
import { words } from "../../words/pipeline";
import { AdmitDialog } from "./AdmitDialog";
import { Admissions } from "./Admissions";
import { AuditFigures } from "./AuditFigures";
import { StageLane } from "./StageLane";
import { StagePanel } from "./StagePanel";
import { WorkNow } from "./WorkNow";

const route = getRouteApi("/signed-in/shell/projects/$projectId/pipeline");

export function PipelinePage(): ReactNode {
  const { projectId } = route.useParams();
  const { data: project } = useQuery(projectQuery(projectId));
  const stages = useQuery(stagesQuery(projectId));
  if (project === undefined) return null;
  if (project.image_count === 0) return <NoImages project={project} />;
  return (
    <Stack className="pipeline" gap={40}>
      {stages.isPending && <SkeletonRows rows={1} height={320} />}
      {stages.error !== null && (
        <ErrorPanel
          title={words.notRead}
          message={messageOf(stages.error)}
          safe={words.safe}
          onRetry={() => void stages.refetch()}
        />
      )}
      {stages.data?.detector_fits === false && <DetectorOutlived project={project} />}
      {stages.data !== undefined && <Pipeline project={project} list={stages.data} />}
    </Stack>
  );
}

function DetectorOutlived({ project }: { project: Project }): ReactNode {
  return (
    <Alert variant="default" title={words.detectorOutlived}>
      <Stack gap="sm">
        <Text>{words.detectorOutlivedText}</Text>
        {canManage(project) && (
          <Group>
            <ButtonLink variant="default" to="/projects/$projectId/models" params={{ projectId: project.id }}>
              {words.toModels}
            </ButtonLink>
          </Group>
        )}
      </Stack>
    </Alert>
  );
}

const inOrder = (stages: readonly Stage[]): Stage[] =>
  STAGE_ORDER.flatMap((name) => stages.filter(({ stage }) => stage === name));

function Pipeline({ project, list }: { project: Project; list: StageList }): ReactNode {
  const stages = inOrder(list.stages);
  const { stage: open } = route.useSearch();
  const navigate = useNavigate();
  const [admitting, setAdmitting] = useState<StageName | null>(null);
  const opened = stages.find(({ stage }) => stage === open);
  const toggle = (stage: StageName): void =>
    void navigate({ to: ".", search: stage === open ? {} : { stage }, replace: true, resetScroll: false });
  return (
    <>
      <section aria-label={words.stages}>
        <ol className="lanes">
          {stages.map((stage, i) => (
            <Fragment key={stage.stage}>
              {i > 0 && <Flow from={stages[i - 1]} />}
              <StageLane
                stage={stage}
                number={i + 1}
                mayManage={canManage(project)}
                isOpen={stage.stage === open}
                onToggle={() => toggle(stage.stage)}
                hasDetector={list.detector_version !== null}
                onAdmit={i === 0 ? null : () => setAdmitting(stage.stage)}
              />
            </Fragment>
          ))}
        </ol>
      </section>
      {opened !== undefined && <StagePanel key={opened.stage} project={project} stage={opened} presets={list.automatic_presets} />}
      <AuditFigures projectId={project.id} policy={stages.find(({ stage }) => stage === "fully_automatic")?.policy ?? null} />
      {canManage(project) && <WorkNow projectId={project.id} />}
      <Stack component="section" aria-labelledby="admissions" gap="sm">
        <Title order={2} id="admissions">
          {words.admissions.title}
        </Title>
        <Admissions project={project} />
      </Stack>
      <AdmitDialog projectId={project.id} stage={admitting} onClose={() => setAdmitting(null)} />
    </>
  );
}

/** The line from a stage to the next with how many images went along it. */
function Flow({ from }: { from: Stage | undefined }): ReactNode {
  const moved = from?.counts.moved ?? 0;
  const name = from === undefined ? "" : STAGE_WORDS[from.stage].name;
  return (
    <li className="flow tabular" data-moved={moved > 0}>
      <span className="flow-count">
        {moved > 0 ? words.moved(moved) : ""}
        <span className="sr-only"> {words.onFrom(name)}</span>
      </span>
    </li>
  );
}

function NoImages({ project }: { project: Project }): ReactNode {
  return (
    <EmptyState
      title={words.none}
      action={
        canManage(project) ? (
          <ButtonLink to="/projects/$projectId" params={{ projectId: project.id }} search={{}}>
            {words.addImages}
          </ButtonLink>
        ) : undefined
      }
    >
      {words.noneText}
    </EmptyState>
  );
}
