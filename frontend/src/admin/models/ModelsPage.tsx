// Which versions are live, the runs that try to better them, the snapshots they learn from, and when that happens by itself.
import "./models.css";
import { Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { projectQuery } from "../../api/projects";
import { canExport, canManage } from "../../api/roles";
import { EmptyState } from "../../ui/EmptyState";
import { words } from "../../words/models";
import { LiveVersions } from "./LiveVersions";
import { PolicyForm } from "./PolicyForm";
import { Runs } from "./Runs";
import { Snapshots } from "./Snapshots";

const route = getRouteApi("/signed-in/shell/projects/$projectId/models");

export function ModelsPage(): ReactNode {
  const { projectId } = route.useParams();
  const { data: project } = useQuery(projectQuery(projectId));
  if (project === undefined) return null;
  if (!canExport(project)) {
    return <EmptyState title={words.closed}>{words.closedText}</EmptyState>;
  }
  return (
    <Stack className="models" gap={48}>
      <LiveVersions project={project} />
      <Runs project={project} />
      <Snapshots project={project} />
      {canManage(project) && <PolicyForm projectId={projectId} />}
    </Stack>
  );
}
