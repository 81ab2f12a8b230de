// Hands the address to the workspace.
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { WorkspacePage } from "../workspace/WorkspacePage";

const route = getRouteApi("/signed-in/projects/$projectId/annotate");

export function AnnotateRoute(): ReactNode {
  const { projectId } = route.useParams();
  const { image } = route.useSearch();
  return <WorkspacePage projectId={projectId} imageId={image ?? null} />;
}
