// Which language the page speaks: the one chosen, else the first of the browser's that it knows, else English.

export const LANGUAGES = [
  { code: "en", name: "English" },
  { code: "zh-CN", name: "中文" },
] as const;

export type Language = (typeof LANGUAGES)[number]["code"];

const KEY = "segloop-language";

export function languageFor(stored: string | null, preferred: readonly string[]): Language {
  const chosen = LANGUAGES.find(({ code }) => code === stored);
  if (chosen !== undefined) return chosen.code;
  const spoken = preferred.map((tag) => LANGUAGES.find(({ code }) => primary(code) === primary(tag)));
  return spoken.find((known) => known !== undefined)?.code ?? "en";
}

const primary = (tag: string): string => tag.toLowerCase().split("-")[0] ?? "";

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // Storage may be switched off; the browser's languages then decide.
  }
}

/** Fixed until the page is loaded again. */
export const language: Language = languageFor(stored(), navigator.languages);

/** For `Intl`; days before months in English, as in most of the world. */
export const locale = language === "en" ? "en-GB" : language;

/** Loads the page again in another language. Drafts and unsent masks are in the browser's database and come back. */
export function chooseLanguage(code: Language): void {
  localStorage.setItem(KEY, code);
  location.reload();
}
