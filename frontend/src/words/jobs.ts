import { inLanguage } from "./catalogue";
import { jobs } from "./en/jobs";

export const words = inLanguage("jobs", jobs);
