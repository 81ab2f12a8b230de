import { inLanguage } from "./catalogue";
import { exporting } from "./en/exporting";

export const words = inLanguage("exporting", exporting);
