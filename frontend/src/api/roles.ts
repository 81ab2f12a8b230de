// What a person may do, so that the page hides what the server would refuse. The server is the judge.
import { words } from "../words/roles";
import type { Job, Me, Project, Role } from "./types";

export const isAdmin = (me: Me | null | undefined): boolean => me?.user.role === "admin";
export const canManage = (project: Project): boolean => project.role === "admin";
export const canAnnotate = (project: Project): boolean => project.role !== "researcher";
export const canExport = (project: Project): boolean => project.role !== "annotator";
/** Whether somebody may cancel or repeat a job: researchers those that they begin. */
export const canSteer = (project: Project, { kind }: Job): boolean =>
  canManage(project) || (canExport(project) && ["export", "snapshot"].includes(kind));

export const ROLES: readonly { value: Role; label: string; does: string }[] = [
  { value: "admin", ...words.admin },
  { value: "annotator", ...words.annotator },
  { value: "researcher", ...words.researcher },
];

export const roleLabel = (role: Role): string => words[role].label;
