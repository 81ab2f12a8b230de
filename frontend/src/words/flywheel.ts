import { inLanguage } from "./catalogue";
import { flywheel } from "./en/flywheel";

export const words = inLanguage("flywheel", flywheel);
