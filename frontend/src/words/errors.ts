import { inLanguage } from "./catalogue";
import { errors } from "./en/errors";

export const words = inLanguage("errors", errors);
