// What a person may do, so that the page hides what the server would refuse. The server is the judge.
import { words } from "../words/roles";
import type { Me, Project, Role } from "./types";

export const isAdmin = (me: Me | null | undefined): boolean => me?.user.role === "admin";
export const canManage = (project: Project): boolean => project.role === "admin";
export const canAnnotate = (project: Project): boolean => project.role !== "researcher";
export const canExport = (project: Project): boolean => project.role !== "annotator";

export const ROLES: readonly { value: Role; label: string; does: string }[] = [
  { value: "admin", ...words.admin },
  { value: "annotator", ...words.annotator },
  { value: "researcher", ...words.researcher },
];

export const roleLabel = (role: Role): string => words[role].label;
