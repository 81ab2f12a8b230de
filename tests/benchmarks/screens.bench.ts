// Pictures of every screen in dark and light, for docs/screens.md and for a critical eye: `make screens`.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { click, ready, saved, startWork, waitFor } from "../e2e/annotate-stage";
import { callApi, type Journey, withBrowser } from "../e2e/browser";

const { open } = withBrowser();
const FOLDER = fileURLToPath(new URL("../../docs/images/screens", import.meta.url));
mkdirSync(FOLDER, { recursive: true });

async function demoId({ page }: Journey): Promise<number> {
  const { items } = await callApi<{ items: { id: number; name: string }[] }>(page, "GET", "/projects");
  return items.find(({ name }) => name.startsWith("Demo"))?.id ?? 0;
}

async function take(page: Page, name: string): Promise<void> {
  await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
  await page.evaluate(() => Promise.allSettled([...document.images].map((image) => image.decode())));
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.locator(`html[data-mantine-color-scheme=${scheme}]`).waitFor();
    // Colours fade from one scheme to the other, from the next frame on.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await page.evaluate(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)));
    await page.screenshot({ path: `${FOLDER}/${name}-${scheme}.png` });
  }
}

async function keepMask(page: Page, x: number, y: number, masks: number): Promise<void> {
  await click(page, x, y);
  await waitFor(page, { points: "1", candidates: "3" });
  await page.keyboard.press("Enter");
  await waitFor(page, { points: "0", masks: String(masks) });
}

it("the workspace", { timeout: 600_000 }, async () => {
  const journey = await open();
  const { page } = journey;
  const id = await demoId(journey);
  await startWork(page, id);
  await take(page, "workspace-new");
  await keepMask(page, 200, 150, 1);
  await keepMask(page, 90, 220, 2);
  await saved(page);
  await click(page, 330, 180);
  await waitFor(page, { points: "1", candidates: "3" });
  await take(page, "workspace");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await take(page, "workspace-keys");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog").waitFor();
  await take(page, "workspace-commands");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+Enter");
  await ready(page);
  await page.goto(`/projects/${id}/annotate?review=true`);
  await waitFor(page, { ready: "true", masks: "2" });
  await page.keyboard.press(".");
  await waitFor(page, { selected: "1" });
  await take(page, "workspace-review");
});

it("an audit", { timeout: 600_000 }, async () => {
  const journey = await open();
  const { page } = journey;
  const id = await demoId(journey);
  const stage = `/projects/${id}/stages/fully_automatic`;
  await callApi(page, "PATCH", stage, { policy: { review_share: 1 }, revision: 0 });
  await callApi(page, "POST", `${stage}/admit`, { rule: { count: 1 }, reason: "a picture", dry_run: false });
  await page.goto(`/projects/${id}/annotate`);
  await page.getByRole("button", { name: /Which images to work on/ }).click();
  await page.getByRole("menuitemradio", { name: /Audit/ }).click();
  await expect.poll(() => readyIn(page, id), { timeout: 300_000 }).toBe(1);
  await page.reload();
  await page.locator("[data-banner=audit]").waitFor();
  await ready(page);
  await take(page, "workspace-audit");
});

async function readyIn(page: Page, projectId: number): Promise<number> {
  const { stages } = await callApi<{ stages: { stage: string; counts: { ready: number } }[] }>(page, "GET", `/projects/${projectId}/stages`);
  return stages.find(({ stage }) => stage === "fully_automatic")?.counts.ready ?? 0;
}

it("the pages", { timeout: 600_000 }, async () => {
  const journey = await open();
  const { page } = journey;
  journey.expectComplaint(/404/);
  const id = await demoId(journey);
  const pages: [name: string, path: string][] = [
    ["projects", "/projects"],
    ["images", `/projects/${id}`],
    ["images-none", `/projects/${id}?state=skipped`],
    ["pipeline", `/projects/${id}/pipeline?stage=semi_automatic`],
    ["flywheel", `/projects/${id}/flywheel`],
    ["models", `/projects/${id}/models`],
    ["activity", `/projects/${id}/activity`],
    ["exports", `/projects/${id}/exports`],
    ["jobs", `/projects/${id}/jobs`],
    ["settings", `/projects/${id}/settings`],
    ["people", "/people"],
    ["account", "/account"],
    ["sign-in", "/sign-in"],
    ["not-found", "/projects/999999"],
  ];
  for (const [name, path] of pages) {
    await page.goto(path);
    await page.getByRole("heading").first().waitFor();
    await take(page, name);
  }
});
