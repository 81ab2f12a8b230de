import { inLanguage } from "./catalogue";
import { settings } from "./en/settings";

export const words = inLanguage("settings", settings);
