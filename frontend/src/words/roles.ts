import { inLanguage } from "./catalogue";
import { roles } from "./en/roles";

export const words = inLanguage("roles", roles);
