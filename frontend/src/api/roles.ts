// What a person may do, so that the page hides what the server would refuse. The server is the judge.
import type { Me, Project, Role } from "./types";

export const isAdmin = (me: Me | null | undefined): boolean => me?.user.role === "admin";
export const canManage = (project: Project): boolean => project.role === "admin";
export const canAnnotate = (project: Project): boolean => project.role !== "researcher";
export const canExport = (project: Project): boolean => project.role !== "annotator";

export const ROLES: readonly { value: Role; label: string; does: string }[] = [
  { value: "admin", label: "Admin", does: "runs projects, people and exports" },
  { value: "annotator", label: "Annotator", does: "makes and corrects masks" },
  { value: "researcher", label: "Researcher", does: "browses and exports" },
];

export const roleLabel = (role: Role): string => ROLES.find((entry) => entry.value === role)?.label ?? role;
