import { inLanguage } from "./catalogue";
import { app } from "./en/app";

export const words = inLanguage("app", app);
