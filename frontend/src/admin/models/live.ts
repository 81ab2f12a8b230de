// Which versions are live in a project.
import { useQuery } from "@tanstack/react-query";
import { modelsQuery } from "../../api/jobs";
import { stagesQuery } from "../../api/stages";
import type { RunKind } from "../../api/training";

/** null: not known yet. A project without a model of its own uses the installation's default. */
export function useLive(projectId: number): Readonly<Record<RunKind, string | null>> | null {
  const { data: stages } = useQuery(stagesQuery(projectId));
  const { data: models } = useQuery(modelsQuery);
  if (stages === undefined) return null;
  const ofInstallation = models?.items.find(({ is_default }) => is_default)?.id ?? null;
  return { model: stages.model_version ?? ofInstallation, detector: stages.detector_version };
}
