// The admin's hand on the loop: images go on from stage to stage, thresholds are tried, a model is trained and judged.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { describe, expect, it, onTestFinished } from "vitest";
import { newProject } from "./annotate-stage";
import { callApi, expectAccessible, withBrowser } from "./browser";
import { discRle } from "./pictures";
import { writeZip } from "./zip";

const { open } = withBrowser();
/** A grid so small that an image takes no time, and no threshold: whatever the model finds is kept. */
const QUICK = { points_per_side: 3, pred_iou_thresh: 0, stability_score_thresh: 0 };

const stateCount = (page: Page, stage: string, state: string, value: number): Promise<void> =>
  page.locator(`[data-stage=${stage}] [data-state=${state}] dd`, { hasText: new RegExp(`^${value}$`) }).waitFor({ timeout: 90_000 });

async function admitByHand(page: Page, stage: string, count: number): Promise<void> {
  await page.getByRole("button", { name: `Admit images to ${stage}` }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("A number").click();
  await dialog.getByLabel("Number of images").fill(String(count));
  await dialog.getByLabel("Reason").fill("the masks are good");
  await dialog.locator(`[data-found="${count}"]`).waitFor();
  const submit = dialog.getByRole("button", { name: count === 1 ? "Admit 1 image" : `Admit ${count} images`, disabled: false });
  await submit.waitFor();
  await expectAccessible(page);
  await submit.click();
  await dialog.waitFor({ state: "hidden" });
}

describe("the pipeline", () => {
  it("takes images on to the automatic stage, live, and one back from the semi-automatic", async () => {
    const { page } = await open();
    const { projectId } = await newProject(page, "Engine", [51, 52, 53]);
    const policy = { automatic: QUICK, review_share: 0 };
    await callApi(page, "PATCH", `/projects/${projectId}/stages/fully_automatic`, { policy, revision: 0 });
    await page.goto(`/projects/${projectId}/pipeline`);
    await stateCount(page, "assisted_manual", "ready", 3);
    await admitByHand(page, "Fully automatic", 2);
    await stateCount(page, "fully_automatic", "done", 2);
    await stateCount(page, "assisted_manual", "ready", 1);

    await admitByHand(page, "Semi-automatic", 1);
    await stateCount(page, "semi_automatic", "ready", 1);
    await page.getByRole("button", { name: /^Take back the admission of .* to Semi-automatic$/ }).click();
    await page.getByRole("dialog").getByLabel("Reason").fill("too early");
    await page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
    await page.getByText("1 image went back").waitFor();
    await stateCount(page, "assisted_manual", "ready", 1);

    await page.getByRole("link", { name: "Activity" }).click();
    const activity = page.getByRole("list", { name: "Activity" });
    await activity.getByText("2 images admitted to fully automatic").waitFor();
    await activity.getByText("1 image taken back from semi-automatic").waitFor();
    await expectAccessible(page);
  });

  it("tries thresholds at once, and keeps what was typed when somebody else saves first", async () => {
    const { page } = await open({ scheme: "light" });
    const { projectId } = await newProject(page, "Thresholds", [54]);
    const change = (policy: object, revision: number): Promise<unknown> =>
      callApi(page, "PATCH", `/projects/${projectId}/stages/fully_automatic`, { policy, revision });
    await change({ automatic: { points_per_side: 4, stability_score_thresh: 0 } }, 0);
    await page.goto(`/projects/${projectId}/pipeline?stage=fully_automatic`);
    await page.getByRole("group", { name: "Photo to try" }).getByRole("button").first().click();
    const kept = page.locator("[data-preview=ready] [data-kept]");
    await kept.waitFor({ timeout: 90_000 });
    const slider = page.getByRole("slider", { name: "Predicted IoU above" });
    await slider.press("Home");
    const loose = Number(await kept.getAttribute("data-kept"));
    expect(loose).toBeGreaterThan(0);
    await slider.press("End");
    await page.locator("[data-kept='0']").waitFor();
    await slider.press("Home");
    await page.locator(`[data-kept='${loose}']`).waitFor();
    await expectAccessible(page);

    await change({ hint_seconds: 12 }, 1);
    await page.getByText("Somebody else changed these settings meanwhile").waitFor();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Lay mine over theirs" }).click();
    expect(await page.getByLabel("Hint to move on after").inputValue()).toBe("12 s");
    await page.getByRole("button", { name: "Save settings" }).click();
    await page.getByText("Settings of fully automatic saved").waitFor();
    const { stages } = await callApi<{ stages: { policy: { hint_seconds: number; automatic: { pred_iou_thresh: number } } }[] }>(
      page, "GET", `/projects/${projectId}/stages`,
    );
    expect(stages[2]?.policy).toMatchObject({ hint_seconds: 12, automatic: { pred_iou_thresh: 0 } });
  });
});

describe("the flywheel and its models", () => {
  it("are empty with a reason, train a candidate that is judged, and show the first round", { timeout: 600_000 }, async () => {
    const { page, expectComplaint } = await open();
    expectComplaint(/409/);
    const { projectId, imageIds } = await newProject(page, "Models", [55, 56, 57, 58, 59, 60]);
    await page.goto(`/projects/${projectId}/flywheel`);
    await page.getByRole("heading", { name: "The flywheel has not begun to turn" }).waitFor();
    await expectAccessible(page);

    const [bundled] = (await callApi<{ items: { id: string }[] }>(page, "GET", "/models")).items;
    for (const imageId of imageIds) {
      await callApi(page, "POST", `/images/${imageId}/annotations`, {
        rle: discRle(), prompts: [], category_id: null, clicks: 2, active_seconds: 8, model_version: bundled?.id ?? null,
        candidate: null, proposal: null, work_item_id: null,
      });
    }
    await page.reload();
    await page.getByRole("heading", { name: "Rounds" }).waitFor();
    await page.getByRole("link", { name: "Models" }).click();
    await page.getByRole("button", { name: "Start a run" }).click();
    await page.getByLabel("Steps").first().fill("1");
    await page.getByRole("button", { name: "Start run" }).click();
    await page.getByText("A run needs 50 kept masks; there are 6 so far.").waitFor();
    await expectAccessible(page);
    await page.keyboard.press("Escape");

    await page.getByLabel("Kept of the version before").focus();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("50");
    await page.getByRole("button", { name: /^Save/ }).last().press("Enter");
    const path = `/projects/${projectId}/training-policy`;
    await expect.poll(async () => (await callApi<{ policy: { keep_base: number } }>(page, "GET", path)).policy.keep_base).toBe(0.5);

    const policy = { min_masks: 1, frozen_share: 0.5, augment: false, batch_size: 1, train_detector: false };
    await callApi(page, "PATCH", path, { policy, revision: 1 });
    await page.getByRole("button", { name: "Start a run" }).click();
    await page.getByRole("dialog").getByLabel("Steps").fill("2");
    await page.getByRole("button", { name: "Start run" }).click();
    await page.getByText(/^It would be compared on 5 frozen images with kept masks at least;/).waitFor();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Train anyway" }).click();
    await page.locator("[data-run]").waitFor();
    await page.getByRole("button", { name: "Cancel run" }).waitFor();
    await page.locator("[data-run][data-state=refused], [data-run][data-state=candidate]").waitFor({ timeout: 500_000 });
    await page.locator("[data-run] .verdict").waitFor();
    await page.getByRole("cell", { name: "Mean IoU after 1 click" }).first().waitFor();
    await page.locator("[data-snapshot='1']").getByRole("link", { name: "Download snapshot 1" }).waitFor();
    await expectAccessible(page);

    await page.getByRole("button", { name: /^Promote/ }).click();
    await page.getByRole("dialog").getByLabel("Reason").fill("to see it live");
    await page.getByRole("dialog").getByRole("button", { name: "Promote" }).click();
    await page.getByRole("button", { name: "Roll back the click model" }).click();
    await expectAccessible(page);
    await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await page.locator("[data-live=model]").getByText(bundled?.id ?? "", { exact: true }).waitFor();
    // Nothing is left to roll back, and what was rolled back may go live again.
    await page.getByRole("button", { name: "Promote", exact: true }).waitFor();
    expect(await page.getByRole("button", { name: "Roll back the click model" }).count()).toBe(0);

    await page.getByRole("link", { name: "Flywheel" }).click();
    await page.getByRole("img", { name: /^Mean IoU over 2 rounds: 1 click / }).waitFor();
    await page.getByRole("button", { name: /^Round 1 live / }).waitFor();
    await expectAccessible(page);
  });

  it("take a checkpoint from an administrator's disk once a trainer elsewhere was told", async () => {
    const { page, expectComplaint } = await open();
    expectComplaint(/422/);
    const { projectId, imageIds } = await newProject(page, "Elsewhere", [61, 62, 63, 64]);
    for (const imageId of imageIds) {
      await callApi(page, "POST", `/images/${imageId}/annotations`, { rle: discRle(), clicks: 1, active_seconds: 3 });
    }
    const told: string[] = [];
    const trainer = createServer((request, response) => {
      told.push(request.method ?? "");
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => trainer.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void trainer.close());
    const hook_url = `http://127.0.0.1:${(trainer.address() as AddressInfo).port}/hook`;
    await callApi(page, "PATCH", `/projects/${projectId}/training-policy`, { policy: { min_masks: 1, hook_url }, revision: 0 });
    await callApi(page, "POST", `/projects/${projectId}/training-runs`, { train_anyway: true });
    await page.goto(`/projects/${projectId}/models`);
    const run = page.locator("[data-run]");
    await run.getByText("Trained elsewhere").waitFor({ timeout: 60_000 });
    await run.getByText("Waiting for the checkpoint from 127.0.0.1.").waitFor();
    expect(told).toEqual(["POST"]);
    await expectAccessible(page);

    const choose = (buffer: Buffer): Promise<void> =>
      page.locator("input[type=file][accept*=zip]").setInputFiles({ name: "mine.zip", mimeType: "application/zip", buffer });
    await choose(writeZip({ "config.json": Buffer.from('{"model_type": "bert"}'), "model.safetensors": Buffer.alloc(100) }));
    await run.getByRole("alert").getByText("Another architecture").waitFor();
    await expectAccessible(page);
    // Nano's own files: what comes back is judged as any other, which is not waited for here.
    const nano = new URL("../../model_server/networks/checkpoints/nano/", import.meta.url);
    const [config, weights] = ["config.json", "model.safetensors"].map((name) => readFileSync(new URL(name, nano)));
    await choose(writeZip({ "config.json": config ?? Buffer.alloc(0), "model.safetensors": weights ?? Buffer.alloc(0) }));
    await run.getByText("Trained elsewhere").waitFor({ state: "hidden", timeout: 60_000 });
    await run.getByRole("button", { name: "Cancel run" }).click();
    await page.locator("[data-run][data-state=cancelled]").waitFor({ timeout: 90_000 });
  });
});
