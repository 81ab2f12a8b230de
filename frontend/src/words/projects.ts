import { inLanguage } from "./catalogue";
import { projects } from "./en/projects";

export const words = inLanguage("projects", projects);
