// What may go wrong while somebody works, and that nothing is lost then.
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { annotationsOf, click, drag, facts, newProject, ready, saved, startWork, waitFor } from "./annotate-stage";
import { callApi, expectAccessible, withBrowser, server } from "./browser";

const { open } = withBrowser();

async function makeMask(page: Page, x: number, y: number, masks: number): Promise<void> {
  await click(page, x, y);
  await waitFor(page, { points: "1", candidates: "3" });
  await page.keyboard.press("Enter");
  await waitFor(page, { points: "0", masks: String(masks) });
}

describe("a reload", () => {
  it("brings back the same photo, its masks and the clicks of the mask being made", async () => {
    const { page } = await open();
    const { projectId } = await newProject(page, "Reload", [71, 72]);
    await startWork(page, projectId);
    const { image } = await facts(page);
    await makeMask(page, 160, 120, 1);
    await click(page, 60, 60);
    await waitFor(page, { points: "1" });
    await click(page, 250, 200, "right");
    await waitFor(page, { points: "2" });
    await page.reload();
    await waitFor(page, { ready: "true", image, masks: "1", points: "2", candidates: "1" });
    await page.getByText("Your last clicks on this photo are back").waitFor();
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "2", points: "0" });
    await saved(page);
    expect((await annotationsOf(page, Number(image))).at(-1)?.clicks).toBe(2);
  });

  it("right after Enter loses neither mask nor clicks, and doubles nothing", async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "At once", [82]);
    await startWork(page, projectId);
    for (let kept = 0; kept < 2; ) {
      if ((await facts(page)).points === "0") {
        await click(page, 60 + 50 * kept, 120);
        await waitFor(page, { points: "1", candidates: "3" });
      }
      await page.keyboard.press("Enter");
      await page.reload();
      await ready(page);
      const { masks, points } = await facts(page);
      expect([`${kept} masks, 1 points`, `${kept + 1} masks, 0 points`]).toContain(`${masks} masks, ${points} points`);
      kept = Number(masks);
    }
    await saved(page);
    expect((await annotationsOf(page, imageIds[0] ?? 0)).length).toBe(2);
  });

  it("sends what the server never got, once", async () => {
    const { page, expectComplaint } = await open();
    expectComplaint(/ERR_FAILED|Failed to load resource/);
    const { projectId, imageIds } = await newProject(page, "Unsent", [73]);
    await startWork(page, projectId);
    await page.route("**/annotations", (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));
    await makeMask(page, 160, 120, 1);
    await page.getByText("offline, 1 waiting", { exact: true }).waitFor();
    expect(await annotationsOf(page, imageIds[0] ?? 0)).toEqual([]);
    await page.unroute("**/annotations");
    await page.reload();
    await waitFor(page, { ready: "true", masks: "1" });
    await saved(page);
    expect((await annotationsOf(page, imageIds[0] ?? 0)).length).toBe(1);
  });
});

describe("the network", () => {
  it("goes: masks wait; it comes back: they are saved in order", async () => {
    const { page, context, expectComplaint } = await open({ decodes: "server" });
    expectComplaint(/ERR_INTERNET_DISCONNECTED|Failed to load resource/);
    const { projectId, imageIds } = await newProject(page, "Offline", [74]);
    await startWork(page, projectId);
    await click(page, 160, 120);
    await waitFor(page, { points: "1", candidates: "3" });
    await context.setOffline(true);
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    await page.getByText("offline, 1 waiting", { exact: true }).waitFor();
    await click(page, 60, 60);
    await page.locator("[data-banner=network]").waitFor();
    await context.setOffline(false);
    await waitFor(page, { points: "1", candidates: "3" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "2" });
    await saved(page);
    const prompts = (await annotationsOf(page, imageIds[0] ?? 0)).map((annotation) => annotation.prompts[0]?.x ?? 0);
    expect(prompts.map((x) => Math.round(x))).toEqual([160, 60]);
  });

  it("swallows an answer: the mask is there once", async () => {
    const { page, expectComplaint } = await open();
    expectComplaint(/ERR_FAILED|Failed to load resource/);
    const { projectId, imageIds } = await newProject(page, "Swallowed", [75]);
    await startWork(page, projectId);
    let swallowed = 0;
    await page.route("**/annotations", async (route) => {
      if (route.request().method() !== "POST" || swallowed > 0) return route.continue();
      swallowed++;
      await route.fetch();
      await route.abort();
    });
    await makeMask(page, 160, 120, 1);
    await saved(page);
    expect(swallowed).toBe(1);
    expect((await annotationsOf(page, imageIds[0] ?? 0)).length).toBe(1);
  });
});

describe("the model server", () => {
  it("is down: the page says so, keeps the clicks, and shows the mask when it is back", async () => {
    const { page, expectComplaint } = await open({ decodes: "server" });
    expectComplaint(/503/);
    const { projectId } = await newProject(page, "Model down", [76]);
    await startWork(page, projectId);
    const body = JSON.stringify({ error: { code: "model_server_unavailable", message: "The model server does not answer." } });
    await page.route("**/predict", (route) => route.fulfill({ status: 503, headers: { "Retry-After": "1", "Content-Type": "application/json" }, body }));
    await click(page, 160, 120);
    await page.getByText("The model does not answer. Your clicks and masks stay").waitFor();
    await click(page, 170, 130);
    expect(await facts(page)).toMatchObject({ points: "2", candidates: "0" });
    await page.unroute("**/predict");
    await waitFor(page, { points: "2", candidates: "1" });
    await page.locator("[data-banner]").waitFor({ state: "detached" });
  });

  it("is down: the brush takes over from a click that nobody answers", async () => {
    const { page, expectComplaint } = await open({ decodes: "server" });
    expectComplaint(/503/);
    const { projectId, imageIds } = await newProject(page, "By hand", [80]);
    await startWork(page, projectId);
    const body = JSON.stringify({ error: { code: "model_server_unavailable", message: "The model server does not answer." } });
    await page.route("**/predict", (route) => route.fulfill({ status: 503, headers: { "Content-Type": "application/json" }, body }));
    await click(page, 160, 120);
    await page.getByText("The model does not answer. Your clicks and masks stay").waitFor();
    await page.keyboard.press("b");
    await drag(page, [100, 100], [140, 100]);
    await waitFor(page, { points: "1", edited: "true" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    await saved(page);
    expect((await annotationsOf(page, imageIds[0] ?? 0))[0]).toMatchObject({ origin: "manual", prompts: [], model_version: null });
  });
});

describe("other people", () => {
  it("took the photo over: the page says so and asks; masks stay", async () => {
    const { page, expectComplaint } = await open();
    expectComplaint(/409/);
    const { projectId, imageIds } = await newProject(page, "Lease", [77]);
    await startWork(page, projectId);
    await makeMask(page, 160, 120, 1);
    await saved(page);
    const held = await callApi<{ id: number; lease_token: string }>(page, "POST", `/projects/${projectId}/work/next`, {});
    await callApi(page, "POST", `/work/${held.id}/release`, { lease_token: held.lease_token });
    await callApi(page, "POST", `/projects/${projectId}/members`, { email: server().people.annotator.email, role: "annotator" });
    const other = await open({ as: "annotator" });
    await other.page.goto("/projects");
    await callApi(other.page, "POST", `/projects/${projectId}/work/next`, {});
    await page.keyboard.press("Control+Enter");
    await page.locator("[data-banner=lease]").waitFor();
    expect(await facts(page)).toMatchObject({ masks: "1" });
    await page.getByRole("button", { name: "Take it back" }).click();
    await page.getByRole("heading", { name: "Somebody else works on this photo" }).waitFor();
    expect((await annotationsOf(page, imageIds[0] ?? 0)).length).toBe(1);
  });

  it("took the photo out of one's hands on the Pipeline page: the page says so, and what was made on it stays", async () => {
    const { page: admin } = await open({ scheme: "light" });
    const { projectId, imageIds } = await newProject(admin, "Freed", [78]);
    await callApi(admin, "POST", `/projects/${projectId}/members`, { email: server().people.annotator.email, role: "annotator" });
    await admin.goto(`/projects/${projectId}/pipeline`);
    await admin.getByText("Nobody has a photo open at the moment").waitFor();

    const { page, expectComplaint } = await open({ as: "annotator" });
    expectComplaint(/409/);
    await startWork(page, projectId);
    await makeMask(page, 160, 120, 1);
    await saved(page);
    await admin.getByRole("button", { name: /^Free photo Freed 78\.png, held by / }).click();
    const dialog = admin.getByRole("dialog", { name: "Give Freed 78.png back to the queue" });
    await dialog.getByLabel("Reason").fill("on holiday");
    await expectAccessible(admin);
    await dialog.getByRole("button", { name: "Free photo" }).click();
    await admin.getByText("Nobody has a photo open at the moment").waitFor();
    await admin.goto(`/projects/${projectId}/activity`);
    await admin.getByText(/^Freed 78\.png taken from .+ and back in the queue$/).waitFor();
    await admin.getByText("on holiday").waitFor();

    await page.keyboard.press("Control+Enter");
    await page.locator("[data-banner=lease]").waitFor();
    expect((await annotationsOf(page, imageIds[0] ?? 0)).length).toBe(1);
    await page.getByRole("button", { name: "Take it back" }).click();
    await waitFor(page, { ready: "true", masks: "1" });
  });

  it.each(["Use mine", "Use theirs"])("changed the same mask: both versions are shown; %s", async (choice) => {
    const { page, expectComplaint } = await open();
    expectComplaint(/412/);
    const { projectId, imageIds } = await newProject(page, `Conflict ${choice}`, [choice === "Use mine" ? 78 : 79]);
    for (const name of ["mine", "theirs"]) await callApi(page, "POST", `/projects/${projectId}/categories`, { name });
    const { items: categories } = await callApi<{ items: { id: number; name: string }[] }>(page, "GET", `/projects/${projectId}/categories`);
    const idOf = (name: string): number | undefined => categories.find((category) => category.name === name)?.id;
    await startWork(page, projectId);
    await makeMask(page, 160, 120, 1);
    await saved(page);
    const [kept] = await annotationsOf(page, imageIds[0] ?? 0);
    await page.evaluate(
      async ({ kept, category }) => {
        const { rle, prompts, clicks, active_seconds } = kept;
        const body = JSON.stringify({ rle, prompts, clicks, active_seconds, category_id: category });
        await fetch(`/api/annotations/${kept.id}`, { method: "PUT", body, headers: { "Content-Type": "application/json", "If-Match": '"1"' } });
      },
      { kept: kept ?? ({} as never), category: idOf("theirs") },
    );
    await page.getByRole("button", { name: /^Mask 1/ }).click();
    await page.getByRole("combobox").click();
    await page.getByRole("option", { name: "mine" }).click();
    await page.getByRole("button", { name: "1 not saved" }).click();
    await page.getByText("Somebody else changed this mask meanwhile").waitFor();
    for (const whose of ["Yours", "Theirs"]) await page.getByRole("img", { name: whose }).and(page.locator("[data-drawn]")).waitFor();
    await expectAccessible(page);
    await page.getByRole("button", { name: choice }).click();
    await page.getByRole("button", { name: "1 not saved" }).waitFor({ state: "detached" });
    await saved(page);
    const wanted = choice === "Use mine" ? "mine" : "theirs";
    expect((await annotationsOf(page, imageIds[0] ?? 0))[0]?.category_id).toBe(idOf(wanted));
    await page.keyboard.press("Escape");
    await page.getByRole("list").getByText(wanted).waitFor();
  });

  it("deleted the photo or the project: a clear word, nothing lost silently", async () => {
    const { page, expectComplaint } = await open({ decodes: "server" });
    expectComplaint(/404|410/);
    const { projectId } = await newProject(page, "Deleted", [80]);
    await startWork(page, projectId);
    await makeMask(page, 160, 120, 1);
    await saved(page);
    await callApi(page, "DELETE", `/projects/${projectId}`);
    await click(page, 60, 60);
    await page.getByRole("heading", { name: "This is no longer there" }).waitFor();
  });
});

describe("the session", () => {
  it("ends in the middle: sign in over the page, the mask is saved then", async () => {
    const { page, context, expectComplaint } = await open();
    expectComplaint(/401/);
    const { projectId, imageIds } = await newProject(page, "Session", [81]);
    await startWork(page, projectId);
    await click(page, 160, 120);
    await waitFor(page, { points: "1", candidates: "3" });
    await context.clearCookies();
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1" });
    await page.getByText("Your session has ended").waitFor();
    const { email, password } = server().people.admin;
    await page.getByLabel("Email").fill(email);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await saved(page);
    await ready(page);
    expect((await annotationsOf(page, imageIds[0] ?? 0)).length).toBe(1);
  });
});
