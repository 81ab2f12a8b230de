// Masks made in the browser: the same as the server's, before any click too, and what happens where that does not work.
import { cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { areaOf, bitmapOf, type Rle, runsOf } from "../../frontend/src/canvas/masks/rle";
import { asIfAlone } from "./alone";
import { type AnnotationFact, annotationsOf, click, drag, facts, layerPixel, newProject, ready, saved, startWork, waitFor, windowPoint } from "./annotate-stage";
import { callApi, type Journey, type OpenOptions, withBrowser, server } from "./browser";

const browser = withBrowser();
async function open(options: OpenOptions = {}): Promise<Journey> {
  const journey = await browser.open(options);
  await asIfAlone(journey.context);
  return journey;
}
const NANO = fileURLToPath(new URL("../../model_server/networks/checkpoints/nano", import.meta.url));
/** The first export of a decoder takes its time on a busy machine. */
const EXPORT_MS = 600_000;

const decodesIn = (page: Page, where: "browser" | "server"): Promise<void> =>
  page.locator(`[data-decoding=${where}]`).waitFor({ timeout: EXPORT_MS });

/** Opens the project's next photo and waits until its masks are made in the browser. */
async function startInBrowser(page: Page, projectId: number): Promise<void> {
  await startWork(page, projectId);
  await decodesIn(page, "browser");
}

/** The bundled model under another name: another model version, whose decoder is another file. */
async function secondModel(page: Page): Promise<string> {
  const { items } = await callApi<{ items: { id: string; name: string }[] }>(page, "GET", "/models");
  return items.find(({ name }) => name === "nano-again")?.id ?? "";
}

// Both decoders are asked for at once, and made while the journeys that need none are on their way.
beforeAll(async () => {
  const dataDir = dirname(server().databaseUrl.replace("sqlite:///", ""));
  cpSync(NANO, join(dataDir, "models", "nano-again"), { recursive: true });
  const { page } = await browser.open();
  await page.goto("/projects");
  const { items } = await callApi<{ items: { id: string; name: string }[] }>(page, "GET", "/models");
  for (const { id } of items.filter(({ name }) => name.startsWith("nano")).sort((one, other) => one.name.length - other.name.length)) {
    const answer = await page.request.get(`/api/models/${id}/decoder.onnx?weights=smallest`);
    expect([200, 202]).toContain(answer.status());
  }
}, EXPORT_MS);

function iou(one: Rle, other: Rle): number {
  const [height = 0, width = 0] = one.size;
  const pixels = (rle: Rle): Uint8Array => {
    const { x, y, width: w, height: h, bits } = bitmapOf(runsOf(rle));
    const all = new Uint8Array(width * height);
    for (let row = 0; row < h; row++) all.set(bits.subarray(row * w, (row + 1) * w), (y + row) * width + x);
    return all;
  };
  const [a, b] = [pixels(one), pixels(other)];
  let [both, either] = [0, 0];
  a.forEach((bit, i) => {
    both += bit & (b[i] ?? 0);
    either += bit | (b[i] ?? 0);
  });
  return either === 0 ? 1 : both / either;
}

/** What the server answers to the prompts of a kept mask, and the IoU of what was kept. */
async function compareWithServer(page: Page, imageId: number, kept: AnnotationFact): Promise<number> {
  const body = { prompts: kept.prompts, model_version: kept.model_version };
  const { masks } = await callApi<{ masks: { rle: Rle; predicted_iou: number }[] }>(page, "POST", `/images/${imageId}/predict`, body);
  const best = masks.reduce((most, mask, i) => (mask.predicted_iou > (masks[most]?.predicted_iou ?? 0) ? i : most), 0);
  const answered = masks[kept.prompts.at(-1)?.candidate ?? best];
  if (answered === undefined) throw new Error("the server gave fewer masks");
  expect(areaOf(runsOf(answered.rle))).toBeGreaterThan(0);
  expect(Math.abs(answered.predicted_iou - (kept.proposal?.predicted_iou ?? 0))).toBeLessThan(0.02);
  return iou(kept.rle, answered.rle);
}

describe("where the browser cannot", () => {
  it("a browser without isolation: the server answers, and the badge says why", async () => {
    const { page } = await open({ decodes: "server" });
    const { projectId } = await newProject(page, "Not isolated", [23]);
    await startWork(page, projectId);
    await click(page, 160, 120);
    await waitFor(page, { points: "1", candidates: "3" });
    expect(await page.locator("[data-decoding=server]").getAttribute("title")).toContain("does not isolate");
  });

  it("a decoder that cannot be had: the server answers, and the badge says why", async () => {
    const { page, expectComplaint } = await open();
    expectComplaint(/404/);
    const body = JSON.stringify({ error: { code: "unknown_model_version", message: "It was taken away." } });
    await page.context().route("**/decoder.onnx*", (route) => route.fulfill({ status: 404, contentType: "application/json", body }));
    const { projectId } = await newProject(page, "No decoder", [24]);
    await startWork(page, projectId);
    await page.locator("[data-decoding=server][title*='It was taken away.']").waitFor();
    await click(page, 160, 120);
    await waitFor(page, { points: "1", candidates: "3" });
  });
});

describe("the same clicks give the same masks", () => {
  it.each([[321, 241], [97, 143], [640, 75]])("on a photo of %i x %i", { timeout: EXPORT_MS + 60_000 }, async (width, height) => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, `Parity ${width}`, [21], [width, height]);
    await startInBrowser(page, projectId);
    const imageId = imageIds[0] ?? 0;
    const at = (x: number, y: number): [number, number] => [x * width, y * height];
    const radius = height / 4;
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));

    await click(page, ...at(0.5, 0.5));
    await waitFor(page, { points: "1", candidates: "3" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1" });

    await click(page, ...at(0.5, 0.5));
    await waitFor(page, { points: "1", candidates: "3" });
    await page.keyboard.press("2");
    const corrections: [number, number, "left" | "right"][] = [[0.05, 0.1, "right"], [0.5 + radius / 2 / width, 0.5, "left"], [0.95, 0.9, "right"]];
    for (const [i, [x, y, button]] of corrections.entries()) {
      await click(page, ...at(x, y), button);
      await waitFor(page, { points: String(i + 2), candidates: "1" });
    }
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "2" });

    await drag(page, [width / 2 - radius, height / 2 - radius], [width / 2 + radius, height / 2 + radius]);
    await waitFor(page, { points: "1", candidates: "1" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "3" });
    await saved(page);

    // A kept mask, refined: a mask prompt and a click.
    await page.keyboard.press(".");
    await page.keyboard.press("r");
    await click(page, ...at(0.5, 0.6));
    await waitFor(page, { candidates: "1" });
    await page.keyboard.press("Enter");
    await waitFor(page, { points: "0", masks: "3" });
    await saved(page);

    await decodesIn(page, "browser");
    expect(asked.filter((url) => url.endsWith("/predict"))).toEqual([]);
    const kept = await annotationsOf(page, imageId);
    expect(kept.length).toBe(3);
    for (const one of kept) {
      expect(await compareWithServer(page, imageId, one), JSON.stringify(one.prompts.map(({ type }) => type))).toBeGreaterThanOrEqual(0.99);
    }
  });
});

describe("before a click", () => {
  it("the mask under the pointer is shown, counts for nothing, becomes the mask, and can be switched off", { timeout: EXPORT_MS }, async () => {
    const { page } = await open();
    const { projectId } = await newProject(page, "Hover", [22]);
    await startInBrowser(page, projectId);
    const hovers = (isShown: boolean): Promise<unknown> => page.waitForFunction((is) => document.querySelector<HTMLElement>("[data-stage]")?.dataset["hover"] === String(is), isShown);
    await page.mouse.move(...(await windowPoint(page, 150, 118)));
    await hovers(true);
    await waitFor(page, { points: "0", masks: "0", candidates: "0" });
    const preview = (await layerPixel(page, "preview", 155, 120))[3] ?? 0;
    expect(preview).toBeGreaterThan(0);
    await page.keyboard.press("Control+z");
    await page.getByText("Nothing to undo").waitFor({ state: "attached" });

    await click(page, 160, 120);
    await waitFor(page, { points: "1", candidates: "3" });
    await hovers(false);
    expect((await layerPixel(page, "preview", 155, 120))[3]).toBeGreaterThan(preview);
    await page.keyboard.press("Escape");
    await waitFor(page, { points: "0" });

    await page.keyboard.press("p");
    await page.getByText("Preview under the pointer is off").first().waitFor();
    await page.mouse.move(...(await windowPoint(page, 140, 110)));
    await page.mouse.move(...(await windowPoint(page, 160, 120)));
    await waitFor(page, { points: "0" });
    expect((await layerPixel(page, "preview", 155, 120))[3]).toBe(0);
    await page.keyboard.press("p");
    await page.mouse.move(...(await windowPoint(page, 150, 110)));
    await hovers(true);
  });
});

describe("a worker of the browser", () => {
  it("that dies: the click is answered by the server; the next photo tries again", { timeout: EXPORT_MS }, async () => {
    const { page } = await open();
    const { projectId } = await newProject(page, "Worker dies", [25, 26]);
    await startInBrowser(page, projectId);
    const worker = page.workers().find((one) => one.url().includes("decoder"));
    await worker?.evaluate(() => self.close());
    await click(page, 160, 120);
    await waitFor(page, { points: "1", candidates: "3" });
    expect(await page.locator("[data-decoding=server]").getAttribute("title")).toContain("The worker does not answer.");
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1" });
    const { image } = await facts(page);
    await page.keyboard.press("Control+Enter");
    await page.waitForFunction((before) => document.querySelector<HTMLElement>("[data-stage]")?.dataset["image"] !== before, image);
    await ready(page);
    await decodesIn(page, "browser");
  });
});

describe("from photo to photo", () => {
  it("the next one is at hand, and a model promoted meanwhile answers from it on", { timeout: EXPORT_MS + 120_000 }, async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "Promoted", [27, 28, 29]);
    const fetched: string[] = [];
    page.on("request", (request) => fetched.push(new URL(request.url()).pathname));
    await startInBrowser(page, projectId);
    await expect.poll(() => fetched.includes(`/api/images/${imageIds[1]}/embedding`), { timeout: 30_000 }).toBe(true);
    expect(fetched).toContain(`/api/images/${imageIds[1]}/display`);

    const other = await secondModel(page);
    await callApi(page, "POST", `/models/${other}/promote`, { project_id: projectId, kind: "model", reason: "A test." });

    await click(page, 160, 120);
    await waitFor(page, { points: "1", candidates: "3" });
    await page.keyboard.press("Enter");
    await saved(page);
    await page.keyboard.press("Control+Enter");
    await waitFor(page, { ready: "true", image: String(imageIds[1]) });
    expect(fetched.filter((path) => path === `/api/images/${imageIds[1]}/display`).length).toBe(1);
    await page.locator(`[data-decoding=browser][title*="${other}"]`).waitFor({ timeout: EXPORT_MS });
    await click(page, 160, 120);
    await waitFor(page, { points: "1", candidates: "3" });
    await page.keyboard.press("Enter");
    await saved(page);
    const versions = await Promise.all(imageIds.slice(0, 2).map(async (id) => (await annotationsOf(page, id))[0]?.model_version));
    expect(versions[0]).toMatch(/^nano-[0-9a-f]{8}$/);
    expect(versions[1]).toBe(other);
  });
});
