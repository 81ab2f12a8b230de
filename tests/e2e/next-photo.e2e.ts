// From one photo to the next, and back: the next one is shown at once, the server hears of the last one behind it.
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { annotationsOf, click, facts, newProject, ready, saved, startWork, waitFor } from "./annotate-stage";
import { callApi, hold, withBrowser, server } from "./browser";

const { open } = withBrowser();

const stateOf = async (page: Page, id: number | string): Promise<string> => (await callApi<{ state: string }>(page, "GET", `/images/${id}`)).state;

/** Opens the first photo, and waits until the next one is at hand. */
async function start(page: Page, name: string, seeds: number[]): Promise<{ projectId: number; images: string[] }> {
  const { projectId, imageIds } = await newProject(page, name, seeds);
  const images = imageIds.map(String);
  await startWork(page, projectId);
  await waitFor(page, { image: images[0] ?? "", next: images[1] ?? "" });
  return { projectId, images };
}

async function makeMask(page: Page, x = 160): Promise<void> {
  await click(page, x, 120);
  await waitFor(page, { points: "1", candidates: "3" });
  await page.keyboard.press("Enter");
  await waitFor(page, { masks: "1", points: "0" });
}

it("is worked on with clicks after a mask was selected on the last; another tool stays in the hand", async () => {
  const { page } = await open();
  const { images: [, second = "", third = ""] } = await start(page, "In hand", [368, 369, 370]);
  const inHand = (): Promise<string | null> => page.locator("[aria-pressed=true]").first().getAttribute("aria-label");
  await makeMask(page);
  await page.keyboard.press("v");
  await expect.poll(inHand).toBe("Select masks");
  await page.keyboard.press("Control+Enter");
  await waitFor(page, { image: second, ready: "true" });
  expect(await inHand()).toBe("Point and box");
  await page.keyboard.press("b");
  await expect.poll(inHand).toBe("Brush");
  await waitFor(page, { next: third });
  await page.keyboard.press("Control+Enter");
  await waitFor(page, { image: third, ready: "true" });
  expect(await inHand()).toBe("Brush");
});

it("waits for no other tab when nothing is left to be saved", async () => {
  const { page } = await open();
  const { images: [first = "", second = ""] } = await start(page, "Ahead", [56, 57]);
  // As if another tab were sending what it has, for long.
  await page.evaluate(() => void navigator.locks.request("segloop-outbox", () => new Promise(() => undefined)));
  await page.keyboard.press("Control+Enter");
  await waitFor(page, { image: second, ready: "true" });
  await expect.poll(() => stateOf(page, first)).toBe("done");
  await expect.poll(() => stateOf(page, second)).toBe("claimed");
});

it("is there without a network, too; finished, masks and photo wait, over a reload", async () => {
  const { page, context, expectComplaint } = await open({ decodes: "server" });
  expectComplaint(/ERR_INTERNET_DISCONNECTED|Failed to load resource|ERR_FAILED/);
  const { images: [first = "", second = ""] } = await start(page, "Offline", [58, 59, 60]);
  await makeMask(page);
  await saved(page);
  await context.route("**/work/**", (route) => route.abort());
  await page.keyboard.press("Control+Enter");
  await waitFor(page, { image: second, ready: "true", masks: "0" });
  await page.getByText("offline, 1 waiting", { exact: true }).waitFor();
  expect(await stateOf(page, first)).toBe("claimed");
  await makeMask(page);
  await context.unroute("**/work/**");
  await page.reload();
  await waitFor(page, { image: second, ready: "true", masks: "1" });
  await saved(page);
  expect([await stateOf(page, first), await stateOf(page, second)]).toEqual(["done", "claimed"]);
  expect((await annotationsOf(page, Number(second))).length).toBe(1);
});

it("says after a reload which photo it could not finish, because somebody else had taken it", async () => {
  const { page, context, expectComplaint } = await open({ decodes: "server" });
  expectComplaint(/Failed to load resource|ERR_FAILED/);
  const { projectId, images: [first = "", second = ""] } = await start(page, "Too late", [74, 75]);
  await context.route("**/work/**", (route) => route.abort());
  await page.keyboard.press("Control+Enter");
  await waitFor(page, { image: second, ready: "true" });
  await page.getByText("offline, 1 waiting", { exact: true }).waitFor();
  await page.goto("about:blank");
  await context.unroute("**/work/**");
  await page.goto("/projects");
  // As if the lease had run out meanwhile and the photo been lent again.
  const held = await callApi<{ id: number; lease_token: string }>(page, "POST", `/projects/${projectId}/work/next`, { image_id: Number(first) });
  await callApi(page, "POST", `/work/${held.id}/release`, { lease_token: held.lease_token });
  await startWork(page, projectId);
  await waitFor(page, { ready: "true" });
  await page.getByText(/could not be finished/).waitFor();
  expect(await stateOf(page, first)).toBe("claimed");
});

it("goes on by itself when the server is back; the one after it is finished then", async () => {
  const { page, context, expectComplaint } = await open({ decodes: "server" });
  expectComplaint(/Failed to load resource|ERR_FAILED/);
  const { images: [first = "", second = "", third = ""] } = await start(page, "Back online", [61, 62, 63]);
  await context.route("**/work/**", (route) => route.abort());
  await page.keyboard.press("Control+Enter");
  await waitFor(page, { image: second, ready: "true" });
  await page.getByText("offline, 1 waiting", { exact: true }).waitFor();
  await page.keyboard.press("Control+Enter");
  await context.unroute("**/work/**");
  await waitFor(page, { image: third, ready: "true" });
  await saved(page);
  await expect.poll(async () => [await stateOf(page, first), await stateOf(page, second), await stateOf(page, third)]).toEqual(["done", "done", "claimed"]);
});

it("gives way when somebody else was quicker, and says so; masks made on it stay", async () => {
  const { page } = await open({ decodes: "server" });
  const { projectId, images: [first = "", second = "", third = ""] } = await start(page, "Quicker", [64, 65, 66]);
  await callApi(page, "POST", `/projects/${projectId}/members`, { email: server().people.annotator.email, role: "annotator" });
  const other = await open({ as: "annotator" });
  await other.page.goto("/projects");
  await callApi(other.page, "POST", `/projects/${projectId}/work/next`, { image_id: Number(second) });
  const answer = await hold(page, "**/work/next", "POST");
  await page.keyboard.press("Control+Enter");
  await waitFor(page, { image: second, ready: "true" });
  await makeMask(page);
  answer();
  await waitFor(page, { image: third, ready: "true", masks: "0" });
  await page.getByText("was lent to somebody else meanwhile").waitFor();
  expect(await stateOf(page, first)).toBe("done");
  await expect.poll(async () => (await annotationsOf(page, Number(second))).length).toBe(1);
});

it("shows what others did to it since it was fetched", async () => {
  const { page } = await open({ decodes: "server" });
  const { images: [, second = ""] } = await start(page, "News", [67, 68]);
  await makeMask(page);
  await saved(page);
  const [kept] = await annotationsOf(page, Number((await facts(page)).image));
  await callApi(page, "POST", `/images/${second}/annotations`, { rle: kept?.rle });
  await page.keyboard.press("Control+Enter");
  await waitFor(page, { image: second, ready: "true", masks: "1" });
});

it("can be left again for the photo before, whether finished or skipped", async () => {
  const { page } = await open({ decodes: "server" });
  const { images: [first = "", second = "", third = ""] } = await start(page, "Back", [69, 70, 71]);
  await page.keyboard.press("PageUp");
  await page.getByText("You have not finished or skipped a photo here yet.").waitFor();
  await makeMask(page);
  await page.keyboard.press("Control+Enter");
  await waitFor(page, { image: second, ready: "true" });
  await page.keyboard.press("k");
  await page.getByLabel("Why").fill("Blurred");
  await page.keyboard.press("Enter");
  await waitFor(page, { image: third, ready: "true" });
  await page.keyboard.press("PageUp");
  await waitFor(page, { image: second, ready: "true" });
  await page.keyboard.press("PageUp");
  await waitFor(page, { image: first, ready: "true", masks: "1" });
  await ready(page);
  await expect.poll(async () => [await stateOf(page, first), await stateOf(page, third)]).toEqual(["claimed", "ready"]);
});

it("waits for what is to be saved, and does not carry off a mask that was begun meanwhile", async () => {
  const { page } = await open({ decodes: "server" });
  const { projectId } = await newProject(page, "Begun meanwhile", [76]);
  await startWork(page, projectId);
  const { image } = await facts(page);
  const letSave = await hold(page, "**/annotations", "POST");
  await makeMask(page);
  await page.keyboard.press("Control+Enter");
  await page.getByText("1 mask waits to be saved").waitFor();
  await click(page, 60, 60);
  await waitFor(page, { busy: "true", points: "1" });
  letSave();
  await page.getByText("This mask is not kept yet").waitFor();
  await waitFor(page, { image, points: "1", candidates: "3" });
  await page.keyboard.press("Enter");
  await saved(page);
  // While the server finishes it, nothing more can be begun on it.
  const letFinish = await hold(page, "**/work/next", "POST");
  await page.keyboard.press("Control+Enter");
  await waitFor(page, { busy: "true", ready: "false" });
  await click(page, 250, 60);
  expect((await facts(page)).points).toBe("0");
  letFinish();
  await page.getByRole("heading", { name: "No photo is waiting" }).waitFor();
  expect((await annotationsOf(page, Number(image))).length).toBe(2);
});
