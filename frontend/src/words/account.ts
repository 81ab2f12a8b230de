import { inLanguage } from "./catalogue";
import { account } from "./en/account";

export const words = inLanguage("account", account);
