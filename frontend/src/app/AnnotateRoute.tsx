// Hands the address to the workspace, once it is sure that there is a project.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { projectQuery } from "../api/projects";
import { WorkspacePage } from "../workspace/WorkspacePage";
import { Problem } from "./RouteError";

const route = getRouteApi("/signed-in/projects/$projectId/annotate");

export function AnnotateRoute(): ReactNode {
  const { projectId } = route.useParams();
  const { image, review = false } = route.useSearch();
  const { data: project, error } = useQuery(projectQuery(projectId));
  // Once open, the workspace itself says what became of the project: it may hold work that is not sent yet.
  if (error !== null && project === undefined) {
    return (
      <main>
        <Problem error={error} />
      </main>
    );
  }
  if (project === undefined) return null;
  return <WorkspacePage key={review ? "review" : "work"} projectId={projectId} imageId={image ?? null} isReview={review} />;
}
