import { inLanguage } from "./catalogue";
import { images } from "./en/images";

export const words = inLanguage("images", images);
