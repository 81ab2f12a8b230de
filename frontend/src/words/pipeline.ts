import { inLanguage } from "./catalogue";
import { pipeline } from "./en/pipeline";

export const words = inLanguage("pipeline", pipeline);
