import { inLanguage } from "./catalogue";
import { models } from "./en/models";

export const words = inLanguage("models", models);
