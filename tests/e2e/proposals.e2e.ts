// What a model proposed is judged by keyboard; what it did on its own is audited. Nothing that was decided is lost.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { type AnnotationFact, annotationsOf, click, facts, layerPixel, newProject, ready, saved, startWork, waitFor } from "./annotate-stage";
import { callApi, expectAccessible, withBrowser, server } from "./browser";
import { discRle } from "./pictures";

const { open } = withBrowser();
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** x, y, width, height, predicted IoU; the second lies on the picture's disc. */
const BOXES = [[20, 20, 60, 50, 0.95], [120, 80, 80, 80, 0.85], [230, 30, 50, 50, 0.6], [240, 160, 60, 50, 0.3]];

async function admit(page: Page, projectId: number, stage: string, policy: object): Promise<void> {
  await callApi(page, "PATCH", `/projects/${projectId}/stages/${stage}`, { policy, revision: 0 });
  await callApi(page, "POST", `/projects/${projectId}/stages/${stage}/admit`, { rule: {}, reason: "a test", dry_run: false });
}

/** A project of one picture with proposals on it. */
async function newProposals(page: Page, name: string, seed: number, policy: object = {}): Promise<{ projectId: number; imageId: number }> {
  const { projectId, imageIds: [imageId = 0] } = await newProject(page, name, [seed]);
  await admit(page, projectId, "semi_automatic", policy);
  addProposals(imageId, BOXES);
  return { projectId, imageId };
}

function addProposals(imageId: number, boxes: number[][], detectorVersion: string | null = null): void {
  const python = `${ROOT}.venv/bin/python`;
  const input = JSON.stringify({ image_id: imageId, boxes, detector_version: detectorVersion });
  execFileSync(existsSync(python) ? python : "python3", ["-m", "tests.e2e.add_proposals", server().databaseUrl], { cwd: ROOT, input });
}

const statesOf = async (page: Page, imageId: number): Promise<string[]> => {
  await saved(page);
  return (await annotationsOf(page, imageId)).map(({ state }) => state);
};

async function press(page: Page, key: string, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) await page.keyboard.press(key);
}

describe("proposals", () => {
  it("are accepted, rejected, filtered, corrected and taken back by keyboard; a reload loses nothing", async () => {
    const { page, context, expectComplaint } = await open();
    expectComplaint(/ERR_INTERNET_DISCONNECTED|Failed to load resource/);
    const { projectId, imageId } = await newProposals(page, "Proposals", 91);
    await startWork(page, projectId);
    await waitFor(page, { masks: "4", proposals: "4", selected: "1" });
    await page.getByText("4 proposals, 4 left").waitFor();
    // The selected one is drawn above the others, on a layer of its own.
    const opacityAt = async (x: number, y: number): Promise<number> =>
      Math.max((await layerPixel(page, "masks", x, y))[3] ?? 0, (await layerPixel(page, "preview", x, y))[3] ?? 0);
    expect(await opacityAt(50, 45), "the selected one is hatched").toBeGreaterThan(0);
    expect(await opacityAt(160, 120), "the others are outlines").toBe(0);
    const originals = (await annotationsOf(page, imageId)).map(({ rle }) => rle.counts);

    await context.setOffline(true);
    await press(page, "a");
    await waitFor(page, { proposals: "3", selected: "2" });
    await page.getByText("offline, 1 waiting", { exact: true }).waitFor();
    await context.setOffline(false);
    await press(page, ".");
    await waitFor(page, { selected: "3" });
    await press(page, ",");
    await press(page, "d");
    await waitFor(page, { masks: "3", proposals: "2", selected: "3" });
    expect(await statesOf(page, imageId)).toEqual(["accepted", "proposed", "proposed"]);
    await press(page, "Control+z");
    await waitFor(page, { masks: "4", proposals: "3", selected: "2" });

    await press(page, "]", 14);
    await page.getByText("2 left out by it").waitFor();
    await press(page, "Shift+A");
    await waitFor(page, { proposals: "2" });
    await press(page, "[", 14);
    await waitFor(page, { selected: "3" });
    await press(page, "Shift+A");
    await waitFor(page, { proposals: "0" });
    expect(await statesOf(page, imageId)).toEqual(["accepted", "accepted", "accepted", "accepted"]);
    await press(page, "Control+z");
    await waitFor(page, { proposals: "2", selected: "3" });
    expect(await statesOf(page, imageId)).toEqual(["accepted", "accepted", "proposed", "proposed"]);

    await press(page, "r");
    await waitFor(page, { points: "1", candidates: "0" });
    await click(page, 262, 62);
    await waitFor(page, { points: "2", candidates: "1" });
    await press(page, "Enter");
    await waitFor(page, { proposals: "1", points: "0", selected: "4" });
    await saved(page);
    const corrected = async (): Promise<AnnotationFact | undefined> => (await annotationsOf(page, imageId))[2];
    expect(await corrected()).toMatchObject({ state: "accepted", clicks: 1, prompts: [{ type: "mask" }, { type: "point" }], proposal: { predicted_iou: 0.6 } });
    const counts = (await corrected())?.rle.counts;
    expect(counts).not.toBe(originals[2]);
    await press(page, "Control+z");
    await waitFor(page, { proposals: "2", points: "2" });
    expect(await statesOf(page, imageId)).toEqual(["accepted", "accepted", "proposed", "proposed"]);
    expect((await corrected())?.rle.counts).toBe(originals[2]);
    await press(page, "Control+Shift+Z");
    await waitFor(page, { proposals: "1", points: "0" });
    await page.keyboard.press("d");
    await waitFor(page, { proposals: "0", masks: "3" });
    await saved(page);

    await page.reload();
    await waitFor(page, { ready: "true", masks: "3", proposals: "0" });
    const kept = await annotationsOf(page, imageId);
    expect(kept.map(({ rle }) => rle.counts)).toEqual([originals[0], originals[1], counts]);
    expect(kept.every(({ active_seconds }) => active_seconds >= 0)).toBe(true);
    await page.keyboard.press("Control+Enter");
    await page.getByRole("heading", { name: "No photo is waiting" }).waitFor();
  });

  it("are all rejected by one key, those left out by the score too, also without a network, and come back by one undo", async () => {
    const { page, context, expectComplaint } = await open();
    expectComplaint(/ERR_INTERNET_DISCONNECTED|Failed to load resource/);
    const { projectId, imageId } = await newProposals(page, "All rejected", 95);
    await startWork(page, projectId);
    await waitFor(page, { proposals: "4", selected: "1" });
    await press(page, "a");
    await waitFor(page, { proposals: "3" });
    await press(page, "]", 14);
    await page.getByText("2 left out by it").waitFor();
    const reject = page.getByRole("button", { name: /^Reject all 3/ });
    expect(await reject.getAttribute("title")).toContain("also those that the least score leaves out");
    await expectAccessible(page);

    await saved(page);
    await context.setOffline(true);
    await press(page, "Shift+X");
    await waitFor(page, { masks: "1", proposals: "0", selected: "" });
    await page.getByText("offline, 3 waiting", { exact: true }).waitFor();
    await context.setOffline(false);
    expect(await statesOf(page, imageId)).toEqual(["accepted"]);
    await press(page, "Control+z");
    await waitFor(page, { masks: "4", proposals: "3" });
    expect(await statesOf(page, imageId)).toEqual(["accepted", "proposed", "proposed", "proposed"]);

    await reject.click();
    await waitFor(page, { masks: "1", proposals: "0" });
    await page.reload();
    await waitFor(page, { ready: "true", masks: "1", proposals: "0" });
    expect(await statesOf(page, imageId)).toEqual(["accepted"]);
  });

  it("survive a reload with a correction half made; a hint comes once; undecided ones are asked about", async () => {
    const { page } = await open({ scheme: "light" });
    const { projectId } = await newProposals(page, "Half made", 92, { hint_seconds: 1 });
    await startWork(page, projectId);
    await waitFor(page, { selected: "1" });
    await page.getByText("1 s without a new mask").waitFor();
    await press(page, "r");
    await click(page, 30, 30);
    await waitFor(page, { points: "2", candidates: "1", masks: "4" });
    await page.reload();
    await waitFor(page, { ready: "true", points: "2", candidates: "1", masks: "4", proposals: "4" });
    await press(page, "Enter");
    await waitFor(page, { points: "0", masks: "4", proposals: "3" });
    await saved(page);
    await expectAccessible(page);
    await press(page, "Control+Enter");
    await page.getByText("3 proposals undecided").waitFor();
    await press(page, "Control+Enter");
    await page.getByRole("heading", { name: "No photo is waiting" }).waitFor();
  });
});

describe("an audit", () => {
  it("shows the masks of nobody; what is rejected or left as it is counts", async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "Audit", [93, 94]);
    const automatic = { points_per_side: 3, pred_iou_thresh: 0, stability_score_thresh: 0, box_nms_thresh: 1, max_area_share: 1, max_masks: 3 };
    await admit(page, projectId, "fully_automatic", { review_share: 1, automatic });
    await expect.poll(() => countOf(page, projectId), { timeout: 30_000 }).toBe(2);
    await page.goto(`/projects/${projectId}/annotate`);
    await ready(page);
    await page.locator("[data-banner=audit]").waitFor();
    expect(await page.locator("[data-tour]").count(), "the tour is about a photo without masks").toBe(0);
    const { image, masks } = await facts(page);
    expect(imageIds.map(String)).toContain(image);
    expect(masks).toBe("3");
    await press(page, "d");
    await waitFor(page, { masks: "2" });
    await press(page, "a", 2);
    await waitFor(page, { selected: "" });
    await expectAccessible(page);
    await press(page, "Control+Enter");
    await page.waitForFunction((image) => ![image, ""].includes(document.querySelector<HTMLElement>("[data-stage]")?.dataset["image"] ?? ""), image);
    await ready(page);
    const audit = await callApi<{ masks: number; rejected: number; images: number }>(page, "GET", `/projects/${projectId}/statistics/audit`);
    expect(audit).toMatchObject({ masks: 3, rejected: 1, images: 1 });

    // Asked for another stage, the photo goes back to the queue.
    await page.getByRole("button", { name: /Which images to work on/ }).click();
    await page.getByRole("menuitemradio", { name: /Assisted/ }).click();
    await page.getByRole("heading", { name: "No photo is waiting: Assisted" }).waitFor();
    await page.getByRole("button", { name: "Ask for any stage" }).click();
    await ready(page);
  });
});

describe("the detector's score", () => {
  it("is chosen by what people made of its proposals", async () => {
    const { page } = await open();
    const { projectId, imageIds: [imageId = 0] } = await newProject(page, "Scores", [95]);
    const drawn = { rle: discRle(), clicks: 6, active_seconds: 9, model_version: "rectangles" };
    for (let i = 0; i < 30; i++) await callApi(page, "POST", `/images/${imageId}/annotations`, drawn);
    await page.goto(`/projects/${projectId}/pipeline?stage=semi_automatic`);
    const figures = page.getByRole("region", { name: "Which score saves most clicks" });
    await figures.getByText("There is no detector yet.").waitFor();

    const boxes = (score: number, count: number): number[][] => Array.from({ length: count }, (_, i) => [5 * i, 20, 40, 30, score]);
    addProposals(imageId, [...boxes(0.85, 30), ...boxes(0.35, 20)], "boxes-of-a-test");
    for (const { id, state, proposal } of await annotationsOf(page, imageId)) {
      const word = (proposal?.predicted_iou ?? 0) > 0.5 ? "accept" : "reject";
      if (state === "proposed") await callApi(page, "POST", `/annotations/${id}/${word}`, undefined, { "If-Match": '"1"' });
    }
    await page.reload();
    await figures.getByText("By hand a mask takes 6.0 clicks. Proposals from 0.85 on would have saved most.").waitFor();
    await expectAccessible(page);
    await figures.getByRole("button", { name: "Use a score of 0.85" }).click();
    await figures.getByText("The score in the form saves most.").waitFor();
    await page.getByRole("button", { name: "Save settings" }).click();
    await expect.poll(async () => (await stageOf(page, projectId, "semi_automatic"))?.policy.propose.min_score).toBe(0.85);
  });
});

interface StageFact {
  stage: string;
  counts: { ready: number };
  policy: { propose: { min_score: number } };
}

const stageOf = async (page: Page, projectId: number, name: string): Promise<StageFact | undefined> =>
  (await callApi<{ stages: StageFact[] }>(page, "GET", `/projects/${projectId}/stages`)).stages.find(({ stage }) => stage === name);

const countOf = async (page: Page, projectId: number): Promise<number> => (await stageOf(page, projectId, "fully_automatic"))?.counts.ready ?? 0;
