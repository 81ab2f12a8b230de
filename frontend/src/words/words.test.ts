import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { count, plural } from "./counting";
import { en } from "./en";
import { languageFor } from "./language";
import { zh } from "./zh";
import { PIECES, reasonInChinese } from "./zh/reasons";
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
  "errors.reason": ["It was cancelled."],
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
const EMPTY = new Set(["storing", "drawing", "measuring", "reading", "starting", "announcing", "receiving"].map((phase) => `ui.jobPhases.${phase}.unit`));

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

const BACKEND = join(import.meta.dirname, "../../../backend");
const backendFile = (name: string): string => readFileSync(join(BACKEND, name), "utf8");
const backendSource = (): string =>
  readdirSync(BACKEND, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".py")).map(backendFile).join("\n");

it("knows every refusal of the server in Chinese, and no other", () => {
  const source = backendSource();
  const raised = [...source.matchAll(/\b(?:Unauthorized|Forbidden|NotFound|Conflict|Gone|Too[A-Z]\w+|Unprocessable|Precondition\w+|Unavailable|FileRefused)\(\s*"([a-z_]+)"/g)];
  const codes = new Set(raised.map(([, code]) => code ?? ""));
  expect(codes.size).toBeGreaterThan(90);
  expect([...codes].filter((code) => !(code in refusals))).toEqual([]);
  expect(Object.keys(refusals).filter((code) => !source.includes(`"${code}"`))).toEqual([]);
  expect(zh.errors.refusal("lease_lost", "Ann has it.")).toContain("Ann has it.");
  expect(zh.errors.refusal("of_a_newer_server", "Theirs.")).toBe("Theirs.");
});

it("knows every kind and phase of the server's background work, and no other", () => {
  const source = backendSource();
  const found = (...patterns: RegExp[]): string[] =>
    [...new Set(patterns.flatMap((pattern) => [...source.matchAll(pattern)].map(([, name]) => name ?? "")))].sort();
  const kinds = found(/@job_handler\("([^"]+)"\)/g, /^DELIVER = "([^"]+)"/gm);
  expect(kinds).toEqual(Object.keys(en.ui.jobKinds).sort());
  const ofTrainers = [.../event in \("(\w+)", "(\w+)"\):\n\s+done, total, phase/.exec(source) ?? []].slice(1);
  const phases = found(
    /\.progress\(\s*"([^"]+)"/g,
    /^PHASE = "([^"]+)"/gm,
    /lambda: \("([^"]+)", 0, 0\)/g,
    /done, total, phase, [^=]+= .*?, "(\w+)", /g,
  );
  expect(ofTrainers).toHaveLength(2);
  expect([...new Set([...phases, ...ofTrainers])].sort()).toEqual(Object.keys(en.ui.jobPhases).sort());
});

/** Its jobs, and what decides on their results. */
const OF_JOBS = ["jobs/runner.py", "exports/tasks.py", "stages/tasks.py", ...["folders", "gate", "hooks", "processes", "programs", "tasks"].map((name) => `training/${name}.py`)];
const LITERALS = '((?:f?"(?:[^"\\\\]|\\\\.)*"\\s*)+)';
/** The sentence of Python's literals beside each other, with 7 for each value. */
const sentenceOf = (literals: string): string => literals.trim().replace(/"\s*f?"/g, "").replace(/^f?"|"$/g, "").replace(/\{[^}]+\}/g, "7");

it("knows in Chinese what the server's background work says of itself, and nothing else", () => {
  const raised = new RegExp(`\\b(?:Conflict|Unavailable|Unprocessable)\\(\\s*"[a-z_]+",\\s*${LITERALS}`, "g");
  const sentences = OF_JOBS.flatMap((name) => [...backendFile(name).matchAll(raised)].map(([, literals]) => sentenceOf(literals ?? "")));
  expect(sentences.length).toBeGreaterThan(15);
  const names = /model\/config\.json|model\/model\.safetensors|\.zip/g;
  // Put together of pieces; the first says nothing of its own.
  const composed = ["7: 7", "The program 7 7.7", "A checkpoint holds 7, and nothing else."];
  const untranslated = sentences.filter((sentence) => !composed.includes(sentence) && /[a-z]{2}/.test(reasonInChinese(sentence).replace(names, "")));
  expect(untranslated).toEqual([]);
  const joined = backendSource().replace(/"\s*f?"/g, "");
  const pieces = PIECES.flatMap(([english]) => english.split("{}")).map((piece) => piece.replace(/^[ .]+|[ .]+$/g, "")).filter((piece) => /[a-z]{2}/.test(piece));
  expect(pieces.filter((piece) => !joined.includes(piece))).toEqual([]);
});

it("says in Chinese how the gate decided, with its figures, and leaves alone what it does not know", () => {
  const refused = "IoU after one click: -0.003 (95 % interval -0.011 to +0.004, 210 frozen masks on 41 images). That does not show a gain above 0.01.";
  expect(reasonInChinese(refused)).toBe("一次点击后的 IoU：-0.003（95 % 区间 -0.011 至 +0.004，41 张图片上的 210 个冻结掩码）。这不足以证明提升超过 0.01。");
  expect(reasonInChinese("The program 'train' was ended by SIGKILL. The machine's memory may have run out.")).toBe("程序 'train' 被 SIGKILL 终止。机器内存可能已用尽。");
  expect(reasonInChinese("KeyError: 'mask'")).toBe("KeyError: 'mask'");
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
