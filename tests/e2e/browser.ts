// Real Chromium with guards: a journey fails on a page error, a console error or a request to anywhere else.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import axe, { type AxeResults, type RunOptions } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";
import type { Server } from "./launch";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
// --disable-gpu makes Canvas2D fast where there is no GPU; the rest makes two runs draw the same pixels.
const FLAGS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-gpu",
  "--force-color-profile=srgb",
  "--font-render-hinting=none",
  "--hide-scrollbars",
];
const ARTIFACTS = fileURLToPath(new URL("artifacts", import.meta.url));

function chromiumPath(): string {
  if (process.env["CHROMIUM"] !== undefined) return process.env["CHROMIUM"];
  const found = NAMES.map((name) => which(name)).find((path) => path !== null);
  if (found === undefined || found === null) throw new Error("Chromium is needed; install it or name it in CHROMIUM.");
  return found;
}

function which(name: string): string | null {
  try {
    return execFileSync("which", [name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}

/** The server of this worker. */
export function server(): Server {
  const found = inject("servers")[Number(process.env["VITEST_POOL_ID"]) - 1];
  if (found === undefined) throw new Error(`no server was started for worker ${process.env["VITEST_POOL_ID"]}`);
  return found;
}

export type Person = "admin" | "annotator" | "researcher";

export interface OpenOptions {
  /** Who is signed in; null = nobody. */
  as?: Person | null;
  scheme?: "dark" | "light";
  viewport?: { width: number; height: number };
  /** "server": a browser that cannot decode by itself. */
  decodes?: "browser" | "server";
}

export interface Journey {
  page: Page;
  context: BrowserContext;
  /** Complaints that match are expected in this journey. */
  expectComplaint: (pattern: RegExp) => void;
}

/** One browser for a test file; every context that was opened is closed and judged after its test. */
export function withBrowser(): { open: (options?: OpenOptions) => Promise<Journey> } {
  const { baseUrl } = server();
  let browser: Browser | undefined;
  let opened: { context: BrowserContext; complaints: string[]; expected: RegExp[] }[] = [];

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath(), headless: true, args: FLAGS });
  });
  afterAll(() => browser?.close());
  afterEach(async ({ task }) => {
    const judged = opened;
    opened = [];
    for (const { context } of judged) {
      if (task.result?.state === "fail") await takePictures(context, task.name);
      await context.close();
    }
    const complaints = judged.flatMap(({ complaints, expected }) =>
      complaints.filter((complaint) => !expected.some((pattern) => pattern.test(complaint))),
    );
    expect(complaints).toEqual([]);
  });

  const open = async ({ as = "admin", scheme = "dark", viewport, decodes = "browser" }: OpenOptions = {}): Promise<Journey> => {
    if (browser === undefined) throw new Error("open() is for tests, not for the top of the file");
    const context = await browser.newContext({
      baseURL: baseUrl,
      viewport: viewport ?? { width: 1280, height: 800 },
      deviceScaleFactor: 1,
      colorScheme: scheme,
      reducedMotion: "reduce",
      locale: "en-GB",
      timezoneId: "UTC",
      acceptDownloads: true,
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const complaints: string[] = [];
    const expected: RegExp[] = [];
    opened.push({ context, complaints, expected });
    context.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${baseUrl}/`) && !/^(blob|data):/.test(url)) complaints.push(`outside request: ${url}`);
    });
    context.on("weberror", (error) => complaints.push(`page error: ${error.error().stack ?? error.error().message}`));
    context.on("console", (message) => {
      if (message.type() === "error") complaints.push(`console error: ${message.text()} (${message.location().url})`);
    });
    if (decodes === "server") await context.addInitScript(() => Object.defineProperty(globalThis, "crossOriginIsolated", { value: false }));
    if (as !== null) await signIn(context, as);
    return { page: await context.newPage(), context, expectComplaint: (pattern) => expected.push(pattern) };
  };
  return { open };
}

/** By HTTP, so that only the journeys about signing in spend time on it. */
async function signIn(context: BrowserContext, person: Person): Promise<void> {
  const answer = await context.request.post("/api/auth/login", {
    data: server().people[person],
    headers: { Origin: server().baseUrl },
  });
  if (!answer.ok()) throw new Error(`signing in as ${person} was refused: ${answer.status()} ${await answer.text()}`);
}

async function takePictures(context: BrowserContext, name: string): Promise<void> {
  mkdirSync(ARTIFACTS, { recursive: true });
  for (const [index, page] of context.pages().entries()) {
    await page.screenshot({ path: `${ARTIFACTS}/${name.replace(/\W+/g, "-")}-${index}.png` }).catch(() => undefined);
  }
}

/** A call of the API with the page's own session, whether or not the page has a network. */
export async function callApi<Answer>(page: Page, method: string, path: string, body?: unknown, headers = {}): Promise<Answer> {
  const data = body === undefined ? {} : { data: body };
  const answer = await page.request.fetch(`/api${path}`, { method, headers: { Origin: server().baseUrl, ...headers }, ...data });
  const text = await answer.text();
  if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${text}`);
  return (text === "" ? null : JSON.parse(text)) as Answer;
}

/** Keeps what the page asks there from the server until the function it returns is called. */
export async function hold(page: Page, url: string, method: "GET" | "POST"): Promise<() => void> {
  let letGo = (): void => undefined;
  const isLetGo = new Promise<void>((done) => (letGo = done));
  await page.route(url, async (route) => {
    if (route.request().method() === method) await isLetGo;
    await route.continue();
  });
  return letGo;
}

/** The page breaks none of axe's WCAG A and AA rules. */
export async function expectAccessible(page: Page): Promise<void> {
  // Through the debugger, not a script tag: the page's own policy stays as it is.
  await page.evaluate(`${axe.source}; undefined`);
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (where: Document, how: RunOptions) => Promise<AxeResults> } };
    const result = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
    return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
  });
  expect(violations, page.url()).toEqual([]);
}

/** The same in both colour schemes, one after the other, ending with the dark one. */
export async function expectAccessibleInBothSchemes(page: Page): Promise<void> {
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.locator(`html[data-mantine-color-scheme=${scheme}]`).waitFor();
    await expectAccessible(page);
  }
}
