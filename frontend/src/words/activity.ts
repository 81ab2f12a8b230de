import { inLanguage } from "./catalogue";
import { activity } from "./en/activity";

export const words = inLanguage("activity", activity);
