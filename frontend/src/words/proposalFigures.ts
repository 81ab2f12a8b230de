import { inLanguage } from "./catalogue";
import { proposalFigures } from "./en/proposalFigures";

export const words = inLanguage("proposalFigures", proposalFigures);
