import { inLanguage } from "./catalogue";
import { stageSettings } from "./en/stageSettings";

export const words = inLanguage("stageSettings", stageSettings);
