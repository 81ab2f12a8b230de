import { inLanguage } from "./catalogue";
import { ui } from "./en/ui";

export const words = inLanguage("ui", ui);
