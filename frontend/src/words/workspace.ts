import { inLanguage } from "./catalogue";
import { workspace } from "./en/workspace";

export const words = inLanguage("workspace", workspace);
