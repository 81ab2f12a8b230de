// The head and the tabs of a project, around each of its pages.
import "./project.css";
import { Button, Text, Title, Tooltip } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet, useMatch } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { UploadPanel } from "../admin/images/UploadPanel";
import { hasCode } from "../api/errors";
import { watchProject } from "../api/events";
import { modelsQuery } from "../api/jobs";
import { projectQuery } from "../api/projects";
import { canAnnotate, canExport, canManage } from "../api/roles";
import type { Project } from "../api/types";
import { ButtonLink } from "../ui/links";
import { words } from "../words/app";
import { Problem } from "./RouteError";

const route = getRouteApi("/signed-in/shell/projects/$projectId");

export function ProjectLayout(): ReactNode {
  const { projectId } = route.useParams();
  const { data: project, error } = useQuery(projectQuery(projectId));
  const isImagesPage = useMatch({ from: "/signed-in/shell/projects/$projectId/", shouldThrow: false }) !== undefined;
  const queryClient = useQueryClient();
  const isThere = project !== undefined;
  useEffect(() => (isThere ? watchProject(projectId, queryClient) : undefined), [isThere, projectId, queryClient]);
  const isGone = hasCode(error, "project_deleted", "project_not_found");
  if (error !== null && (isGone || project === undefined)) return <Problem error={error} />;
  if (project === undefined) return null;
  return (
    <>
      <div className="project-head">
        <div style={{ flex: 1, minWidth: 0 }}>
          <Title order={1} style={{ overflowWrap: "anywhere" }}>
            {project.name}
          </Title>
          <Text c="dimmed" size="sm" className="tabular">
            {summary(project)}
          </Text>
        </div>
        {canAnnotate(project) && <ModelServerNotice />}
        {canManage(project) && project.done_count > 0 && (
          <ButtonLink to="/projects/$projectId/annotate" params={{ projectId }} search={{ review: true }} variant="default">
            {words.project.review}
          </ButtonLink>
        )}
        {canAnnotate(project) && <AnnotateButton project={project} />}
      </div>
      <ProjectTabs project={project} />
      <UploadPanel projectId={projectId} isImagesPage={isImagesPage} />
      {/* A form keeps what was typed: in another project it begins anew. */}
      <Outlet key={projectId} />
    </>
  );
}

function summary({ image_count, done_count, annotation_count }: Project): string {
  if (image_count === 0) return words.project.none;
  return words.project.done(done_count, image_count, annotation_count);
}

function AnnotateButton({ project }: { project: Project }): ReactNode {
  if (project.image_count === 0) {
    return (
      <Tooltip label={words.project.addFirst}>
        <Button data-disabled aria-disabled onClick={(event) => event.preventDefault()}>
          {words.project.annotate}
        </Button>
      </Tooltip>
    );
  }
  return (
    <ButtonLink to="/projects/$projectId/annotate" params={{ projectId: project.id }} search={{}}>
      {words.project.annotate}
    </ButtonLink>
  );
}

function ProjectTabs({ project }: { project: Project }): ReactNode {
  const params = { projectId: project.id };
  return (
    <nav className="project-tabs" aria-label={words.project.tabs}>
      <Link to="/projects/$projectId" params={params} activeOptions={{ exact: true, includeSearch: false }} className="project-tab">
        {words.project.images}
      </Link>
      {canExport(project) && (
        <>
          <Link to="/projects/$projectId/pipeline" params={params} activeOptions={{ includeSearch: false }} className="project-tab">
            {words.project.pipeline}
          </Link>
          <Link to="/projects/$projectId/flywheel" params={params} className="project-tab">
            {words.project.flywheel}
          </Link>
          <Link to="/projects/$projectId/models" params={params} className="project-tab">
            {words.project.models}
          </Link>
          <Link to="/projects/$projectId/exports" params={params} className="project-tab">
            {words.project.exports}
          </Link>
        </>
      )}
      <Link to="/projects/$projectId/jobs" params={params} className="project-tab">
        {words.project.jobs}
      </Link>
      {canExport(project) && (
        <Link to="/projects/$projectId/activity" params={params} className="project-tab">
          {words.project.activity}
        </Link>
      )}
      {canManage(project) && (
        <Link to="/projects/$projectId/settings" params={params} className="project-tab">
          {words.project.settings}
        </Link>
      )}
    </nav>
  );
}

/** Says that clicks are not answered now, and that all the rest goes on. */
function ModelServerNotice(): ReactNode {
  const { data } = useQuery(modelsQuery);
  if (data?.is_model_server_up !== false) return null;
  return (
    <Text size="sm" role="status" maw={320} style={{ display: "flex", gap: 6 }}>
      <IconAlertTriangle aria-hidden size={18} color="var(--sl-amber)" style={{ flex: "none" }} />
      {words.project.modelServer}
    </Text>
  );
}
