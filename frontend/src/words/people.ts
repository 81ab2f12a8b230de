import { inLanguage } from "./catalogue";
import { people } from "./en/people";

export const words = inLanguage("people", people);
