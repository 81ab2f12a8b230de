import { inLanguage } from "./catalogue";
import { trainingPolicy } from "./en/trainingPolicy";

export const words = inLanguage("trainingPolicy", trainingPolicy);
