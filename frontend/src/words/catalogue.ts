// The words of the language in use. English comes with the part of the page that shows it; another language is one
// file, loaded before anything that shows a word is imported (main.tsx), so that constants of modules speak it too.
import type { Words } from "./en";
import { language } from "./language";

let translated: Words | null = null;

export async function loadWords(): Promise<void> {
  document.documentElement.lang = language;
  if (language === "zh-CN") translated = (await import("./zh")).zh;
}

export function inLanguage<Area extends keyof Words>(area: Area, english: Words[Area]): Words[Area] {
  return translated === null ? english : translated[area];
}
