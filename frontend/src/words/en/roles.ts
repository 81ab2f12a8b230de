// What people are in a project and in the installation.
import type { Role } from "../../api/types";

export const roles = {
  admin: { label: "Admin", does: "Runs projects, people and exports" },
  annotator: { label: "Annotator", does: "Makes and corrects masks" },
  researcher: { label: "Researcher", does: "Browses and exports" },
} satisfies Record<Role, { label: string; does: string }>;
