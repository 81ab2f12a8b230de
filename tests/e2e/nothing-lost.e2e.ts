// Acknowledged work survives: killed tabs, long times without a network, two tabs at once.
import type { BrowserContext, Page } from "playwright-core";
import { expect, it } from "vitest";
import { annotationsOf, click, facts, newProject, ready, saved, startWork, waitFor } from "./annotate-stage";
import { withBrowser } from "./browser";

const { open } = withBrowser();
const KILLS = Number(process.env["SEGLOOP_KILLS"] ?? 5);

/** Ends the tab's process as a crash or the system would: no handler of the page runs. */
async function kill(context: BrowserContext, page: Page): Promise<void> {
  const session = await context.newCDPSession(page);
  const crashed = page.waitForEvent("crash");
  session.send("Page.crash").catch(() => undefined); // the answer dies with the tab
  await crashed;
}

/** Numbers in 0..1 that are the same in every run (Lehmer's generator, 48271 mod 2^31 - 1). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

it(`loses nothing in ${KILLS} killed tabs`, { timeout: 30_000 * KILLS }, async () => {
  const { page: first, context } = await open();
  const { projectId, imageIds } = await newProject(first, "Killed", [371]);
  const image = imageIds[0] ?? 0;
  const random = numbers(20_261_121);
  let page = first;
  await startWork(page, projectId);
  let kept = 0;
  for (let i = 0; i < KILLS; i++) {
    if ((await facts(page)).points === "0") {
      await click(page, 40 + 240 * random(), 40 + 160 * random());
      await waitFor(page, { points: "1", candidates: "3" });
    }
    const isPressed = page.keyboard.press("Enter");
    const isShown = random() < 0.5;
    if (isShown) {
      // The mask is in the list: from here on it may not be lost.
      await waitFor(page, { masks: String(kept + 1), points: "0" });
    } else {
      await isPressed;
      await page.evaluate((ms) => new Promise((done) => setTimeout(done, ms)), 60 * random());
    }
    await kill(context, page);
    await page.close();
    page = await context.newPage();
    await startWork(page, projectId);
    const { masks, points } = await facts(page);
    const both = [`${kept} masks, 1 points`, `${kept + 1} masks, 0 points`];
    expect(both).toContain(`${masks} masks, ${points} points`);
    kept = Number(masks);
  }
  await saved(page);
  expect((await annotationsOf(page, image)).length).toBe(kept);
});

it("keeps what is done without a network over a reload of the browser, and sends it in order", async () => {
  const { page, context, expectComplaint } = await open();
  expectComplaint(/ERR_FAILED|ERR_INTERNET_DISCONNECTED|Failed to load resource/);
  const { projectId, imageIds } = await newProject(page, "Long offline", [372]);
  await startWork(page, projectId);
  await context.route("**/api/images/*/annotations", (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));
  for (const [i, x] of [60, 160, 260].entries()) {
    await click(page, x, 120);
    await waitFor(page, { points: "1", candidates: "3" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: String(i + 1), points: "0" });
  }
  await page.getByText("offline, 3 waiting", { exact: true }).waitFor();
  await page.reload();
  await waitFor(page, { ready: "true", masks: "3" });
  await context.unroute("**/api/images/*/annotations");
  await page.reload();
  await ready(page);
  await saved(page);
  const places = (await annotationsOf(page, imageIds[0] ?? 0)).map(({ prompts }) => Math.round(prompts[0]?.x ?? 0));
  expect(places).toEqual([60, 160, 260]);
});

it("says that a project is open twice, and stops saying so", async () => {
  const { page, context } = await open();
  const { projectId, imageIds } = await newProject(page, "Two tabs", [373]);
  await startWork(page, projectId);
  const second = await context.newPage();
  await startWork(second, projectId);
  await second.getByText("open in another tab as well").waitFor();
  expect(await page.locator("[data-banner=second-tab]").count()).toBe(0);
  for (const tab of [page, second]) {
    await tab.bringToFront();
    await click(tab, tab === page ? 100 : 220, 120);
    await waitFor(tab, { points: "1", candidates: "3" });
    await tab.keyboard.press("Enter");
    await waitFor(tab, { points: "0" });
    await saved(tab);
  }
  expect((await annotationsOf(page, imageIds[0] ?? 0)).length).toBe(2);
  await page.close();
  await second.locator("[data-banner=second-tab]").waitFor({ state: "detached" });
});
