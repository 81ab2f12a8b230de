// Finished photos are looked at by an admin: accepted, or sent back with a reason that reaches the annotator.
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { annotationsOf, click, facts, newProject, ready, saved, startWork, waitFor } from "./annotate-stage";
import { callApi, expectAccessibleInBothSchemes, hold, withBrowser, server } from "./browser";

const { open } = withBrowser();

async function annotateAndFinish(page: Page): Promise<void> {
  await click(page, 160, 120);
  await waitFor(page, { points: "1", candidates: "3" });
  await click(page, 20, 20, "right");
  await waitFor(page, { points: "2" });
  await page.keyboard.press("Enter");
  await waitFor(page, { points: "0", masks: "1" });
  await saved(page);
}

it("a photo is sent back with a reason, corrected, and accepted", async () => {
  const reviewer = await open();
  const { projectId, imageIds } = await newProject(reviewer.page, "Review", [361]);
  const image = imageIds[0] ?? 0;
  await callApi(reviewer.page, "POST", `/projects/${projectId}/members`, { email: server().people.annotator.email, role: "annotator" });
  const annotator = await open({ as: "annotator" });
  await startWork(annotator.page, projectId);
  await annotateAndFinish(annotator.page);
  await annotator.page.keyboard.press(".");
  await annotator.page.keyboard.press("t"); // pixels by hand: another mask than the model's
  await annotator.page.keyboard.press("c");
  await annotator.page.keyboard.type("All of it?");
  await annotator.page.keyboard.press("Escape");
  await annotator.page.keyboard.press("Control+Enter");
  await annotator.page.getByRole("heading", { name: "No photo is waiting" }).waitFor();

  const { page } = reviewer;
  await page.goto(`/projects/${projectId}`);
  await page.getByRole("link", { name: "Review", exact: true }).click();
  await waitFor(page, { ready: "true", image: String(image), masks: "1" });
  await page.getByText("All of it?").waitFor();
  await page.getByText("Finished by E2E annotator").waitFor();
  expect((await page.locator("[data-stage]").boundingBox())?.x, "where the tools are else").toBe(0);
  await page.keyboard.press("Shift+C");
  await waitFor(page, { masks: "2", proposals: "1" });
  await page.keyboard.press(".");
  await waitFor(page, { selected: "1" });
  await page.getByRole("img", { name: "Added and removed pixels on the photo" }).and(page.locator("[data-drawn]")).waitFor();
  const signs = (await page.locator("[data-changes] li").allTextContents()).map((sign) => sign.trim());
  expect(signs).toEqual([expect.stringMatching(/^[1-9][\d,]* pixels added$/), "0 pixels removed", "as proposed"]);
  await expectAccessibleInBothSchemes(page);
  await page.keyboard.press("Shift+C");
  await waitFor(page, { masks: "1" });
  // Looking changes nothing.
  await page.keyboard.press("Delete");
  await click(page, 160, 120);
  await waitFor(page, { masks: "1", points: "0", selected: "1" });
  await page.keyboard.press("k");
  await page.getByRole("dialog", { name: "Send this photo back" }).waitFor();
  await expectAccessibleInBothSchemes(page);
  await page.getByLabel("What should be changed").fill("The upper edge is missing");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Every photo that people finished is reviewed" }).waitFor();
  expect(await callApi(page, "GET", `/images/${image}`)).toMatchObject({ state: "ready" });

  await annotator.page.getByRole("button", { name: "Look again" }).click();
  await ready(annotator.page);
  await annotator.page.getByText("sent this photo back: The upper edge is missing").waitFor();
  await expectAccessibleInBothSchemes(annotator.page);
  await annotator.page.keyboard.press(".");
  expect(await annotator.page.getByLabel("Comment for the reviewer").inputValue()).toBe("All of it?\nReviewer: The upper edge is missing");
  await annotator.page.keyboard.press("u");
  await saved(annotator.page);
  await annotator.page.keyboard.press("Control+Enter");
  await annotator.page.getByRole("heading", { name: "No photo is waiting" }).waitFor();

  await page.goto(`/projects/${projectId}/annotate?review=true`);
  await waitFor(page, { ready: "true", image: String(image) });
  await page.getByRole("img", { name: "Unsure" }).waitFor();
  const [mask] = await annotationsOf(page, image);
  if (mask === undefined) throw new Error("There is no mask.");
  await callApi(page, "DELETE", `/annotations/${mask.id}`, undefined, { "If-Match": `"${mask.revision}"` });
  await callApi(page, "POST", `/annotations/${mask.id}/restore`);
  reviewer.expectComplaint(/409/);
  await page.keyboard.press("Control+Enter");
  await page.getByText("changed while you looked at them").waitFor();
  await waitFor(page, { ready: "true", image: String(image), masks: "1" });
  await page.keyboard.press("Control+Enter");
  await page.getByRole("heading", { name: "Every photo that people finished is reviewed" }).waitFor();
  const log = await callApi<{ items: { kind: string }[] }>(page, "GET", `/projects/${projectId}/audit-log`);
  expect(log.items.map(({ kind }) => kind)).toEqual(["image.accepted", "image.sent_back"]);
  expect(await annotationsOf(page, image)).toMatchObject([{ flags: ["unsure"] }]);
});

/** A project with one photo that is finished, and one that waits to be annotated. */
async function finishedPhoto(page: Page, name: string, seeds: [number, number]): Promise<{ projectId: number; finished: string; waiting: string }> {
  const { projectId, imageIds } = await newProject(page, name, seeds);
  const { id, lease_token } = await callApi<{ id: number; lease_token: string }>(page, "POST", `/projects/${projectId}/work/next`, { image_id: imageIds[0] });
  await callApi(page, "POST", `/work/${id}/finish`, { lease_token });
  return { projectId, finished: String(imageIds[0]), waiting: String(imageIds[1]) };
}

it("a photo that could not be opened is opened again, and none to be annotated in its place", async () => {
  const { page, expectComplaint } = await open();
  expectComplaint(/Failed to load resource|ERR_FAILED/);
  const { projectId, finished, waiting } = await finishedPhoto(page, "Once more", [364, 365]);
  await page.route("**/annotations", (route) => route.abort());
  await page.goto(`/projects/${projectId}/annotate?review=true&image=${finished}`);
  await page.getByText("The photo could not be opened").waitFor();
  await page.unroute("**/annotations");
  await page.getByRole("button", { name: "Try again" }).click();
  await ready(page);
  expect(await facts(page)).toMatchObject({ image: finished });
  expect(await callApi(page, "GET", `/images/${waiting}`)).toMatchObject({ state: "ready" });
});

it("once left is not come back to by an answer that was on its way", async () => {
  const { page } = await open();
  const { projectId, finished } = await finishedPhoto(page, "Left", [366, 367]);
  const letAnswer = await hold(page, "**/work/*/review", "POST");
  const letNextPage = await hold(page, "**/assets/ImagesPage*.js", "GET");
  await page.goto(`/projects/${projectId}/annotate?review=true`);
  await waitFor(page, { ready: "true", image: finished });
  const next = page.waitForResponse(`**/projects/${projectId}/review?*`);
  await page.keyboard.press("Control+Enter");
  await page.getByRole("link", { name: "Left" }).click();
  await page.waitForURL(`**/projects/${projectId}`);
  letAnswer();
  await (await next).finished();
  letNextPage();
  await page.getByRole("heading", { name: "Left" }).waitFor();
  await page.evaluate(() => fetch("/api/me"));
  expect(new URL(page.url()).pathname).toBe(`/projects/${projectId}`);
});

it("is for admins", async () => {
  const admin = await open();
  const { projectId } = await newProject(admin.page, "Not for all", [363]);
  await callApi(admin.page, "POST", `/projects/${projectId}/members`, { email: server().people.annotator.email, role: "annotator" });
  const { page, expectComplaint } = await open({ as: "annotator" });
  expectComplaint(/403/);
  await page.goto(`/projects/${projectId}/annotate?review=true`);
  await page.getByRole("heading", { name: "This is no longer there" }).waitFor();
});
