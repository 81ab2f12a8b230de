import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { count, plural } from "./counting";
import { en } from "./en";
import { languageFor } from "./language";
import { zh } from "./zh";
import { refusals } from "./zh/refusals";

type Sentence = (...values: unknown[]) => string;
type Entry = { path: string; english: unknown; chinese: unknown };

function entries(english: unknown, chinese: unknown, path = ""): Entry[] {
  if (typeof english !== "object" || english === null) return [{ path, english, chinese }];
  expect(Object.keys(chinese as object), path).toEqual(Object.keys(english));
  return Object.entries(english).flatMap(([key, inner]) =>
    entries(inner, (chinese as Record<string, unknown>)[key], path === "" ? key : `${path}.${key}`),
  );
}

const ENTRIES = entries(en, zh);

/** Where not every argument can be the text "3". */
const SAMPLES: Readonly<Record<string, unknown[]>> = {
  "errors.refusal": ["image_not_found", "3"],
  "exporting.name": ["coco", true],
  "flywheel.chart": ["3", 3, ["3"]],
  "images.noneInState": ["ready"],
  "models.runs.facts": [["3"]],
  "models.snapshots.changes": [{ added: 3, removed: 3 }, { added: 3, removed: 3, changed: 3 }],
  "pipeline.audit.found": ["3", { masks: 3, images: 3, rejected: 3, added: 3 }],
  "trainingPolicy.sentence": [{ masks: 3, hours: 3, isPromoted: true, isElsewhere: true }],
  "ui.listed": [["3", "3"]],
  "workspace.scoreExact": [0.5],
  "workspace.list.seconds": [3],
  "workspace.review.scored": ["3", 0.5],
};

/** Names, addresses, units and bare numbers, the same in both languages. */
const SAME = new Set([
  "exporting.formats.coco.label",
  "exporting.formats.sa1b.label",
  "flywheel.once",
  "models.snapshots.checksum",
  "settings.webhooks.example",
  "ui.jobPhases.checksum.unit",
]);
/** Phases that count nothing. */
const EMPTY = new Set(["ui.jobPhases.storing.unit", "ui.jobPhases.drawing.unit", "ui.jobPhases.measuring.unit"]);

const said = (path: string, entry: unknown): string => {
  if (typeof entry !== "function") return String(entry);
  return (entry as Sentence)(...(SAMPLES[path] ?? Array.from({ length: entry.length }, () => "3")));
};

it.each(["english", "chinese"] as const)("says something everywhere in %s", (language) => {
  expect(ENTRIES.length).toBeGreaterThan(500);
  for (const entry of ENTRIES) {
    const sentence = said(entry.path, entry[language]);
    expect(typeof sentence, entry.path).toBe("string");
    if (EMPTY.has(entry.path)) continue;
    expect(sentence, entry.path).not.toBe("");
    expect(sentence, entry.path).not.toMatch(/undefined|NaN|\[object/);
  }
});

it("has nothing left in English where Chinese is spoken", () => {
  const same = ENTRIES.filter(({ path, english, chinese }) => !EMPTY.has(path) && said(path, english) === said(path, chinese));
  expect(same.map(({ path }) => path).sort()).toEqual([...SAME].sort());
});

it("knows every refusal of the server in Chinese, and no other", () => {
  const backend = join(import.meta.dirname, "../../../backend");
  const files = readdirSync(backend, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".py"));
  const source = files.map((name) => readFileSync(join(backend, name), "utf8")).join("\n");
  const raised = [...source.matchAll(/\b(?:Unauthorized|Forbidden|NotFound|Conflict|Gone|Too[A-Z]\w+|Unprocessable|Precondition\w+|Unavailable|FileRefused)\(\s*"([a-z_]+)"/g)];
  const codes = new Set(raised.map(([, code]) => code ?? ""));
  expect(codes.size).toBeGreaterThan(90);
  expect([...codes].filter((code) => !(code in refusals))).toEqual([]);
  expect(Object.keys(refusals).filter((code) => !source.includes(`"${code}"`))).toEqual([]);
  expect(zh.errors.refusal("lease_lost", "Ann has it.")).toContain("Ann has it.");
  expect(zh.errors.refusal("of_a_newer_server", "Theirs.")).toBe("Theirs.");
});

it("speaks the language chosen, else the first of the browser's that it knows, else English", () => {
  expect(languageFor("en", ["zh-CN"])).toBe("en");
  expect(languageFor(null, ["fr-FR", "zh-TW", "en"])).toBe("zh-CN");
  expect(languageFor(null, ["en-US", "zh-CN"])).toBe("en");
  expect(languageFor("tlh", ["fr"])).toBe("en");
});

it("counts in English", () => {
  expect(count(12400)).toBe("12,400");
  expect(plural(1, "image")).toBe("1 image");
  expect(plural(0, "category", "categories")).toBe("0 categories");
});
