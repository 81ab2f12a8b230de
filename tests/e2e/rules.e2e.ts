// What may be painted over, and what stays from one photo to the next.
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { annotationsOf, click, drag, facts, isInMask, layerPixel, newProject, saved, startWork, waitFor, windowPoint } from "./annotate-stage";
import { withBrowser } from "./browser";

const { open } = withBrowser();

/** A project whose photo has one mask by hand: an upright stroke, 24 pixels wide, at x = 60. */
async function withUprightStroke(page: Page, name: string, seed: number): Promise<number> {
  const { projectId, imageIds } = await newProject(page, name, [seed]);
  await startWork(page, projectId);
  await page.keyboard.press("b");
  await drag(page, [60, 60], [60, 160]);
  await page.keyboard.press("Enter");
  await waitFor(page, { masks: "1", points: "0" });
  return imageIds[0] ?? 0;
}

/** Paints across the upright stroke, keeps what came of it, and gives both masks as the server has them. */
async function paintAcross(page: Page, imageId: number) {
  await drag(page, [30, 110], [120, 110]);
  await waitFor(page, { edited: "true" });
  await page.keyboard.press("Enter");
  await waitFor(page, { masks: "2", points: "0" });
  await saved(page);
  const [upright, across] = await annotationsOf(page, imageId);
  if (upright === undefined || across === undefined) throw new Error("two masks were kept");
  return (x: number): [boolean, boolean] => [isInMask(upright.rle, x, 110), isInMask(across.rle, x, 110)];
}

it("the brush spares other masks when asked to", async () => {
  const { page } = await open();
  const imageId = await withUprightStroke(page, "Neighbours", 68);
  await page.getByRole("checkbox", { name: "Spare other masks" }).check();
  const at = await paintAcross(page, imageId);
  expect([at(35), at(60), at(110)]).toEqual([[false, true], [true, false], [false, true]]);
  for (let x = 10; x < 140; x++) expect(at(x)).not.toEqual([true, true]);
});

it("the brush stays inside the selected mask when asked to", async () => {
  const { page } = await open();
  const imageId = await withUprightStroke(page, "Within", 69);
  await page.keyboard.press("v");
  await click(page, 60, 110);
  await waitFor(page, { selected: "1" });
  await page.keyboard.press("b");
  await page.getByRole("checkbox", { name: "Only inside the selected mask" }).check();
  const at = await paintAcross(page, imageId);
  expect([at(35), at(60), at(110)]).toEqual([[false, false], [true, true], [false, false]]);
  for (let x = 10; x < 140; x++) expect(at(x)).not.toEqual([false, true]);
});

/** The colour and the opacity at places of the photo on the layer where masks are made. */
const previewAt = (page: Page, ...places: [number, number][]): Promise<number[][]> =>
  Promise.all(places.map(([x, y]) => layerPixel(page, "preview", x, y)));

it("what the rules leave of a stroke and of a lasso is seen while the hand moves", async () => {
  const { page } = await open();
  await withUprightStroke(page, "Seen", 70);
  await page.getByRole("checkbox", { name: "Spare other masks" }).check();
  await page.mouse.move(...(await windowPoint(page, 30, 110)));
  await page.mouse.down();
  await page.mouse.move(...(await windowPoint(page, 120, 110)), { steps: 6 });
  await expect.poll(async () => (await layerPixel(page, "preview", 100, 110))[3]).toBeGreaterThan(50);
  const [left, over, right] = await previewAt(page, [35, 110], [60, 110], [100, 110]);
  expect(left).toEqual(right);
  expect(over?.[3]).toBe(0);
  await page.keyboard.press("Escape");
  await page.mouse.up();
  await waitFor(page, { points: "0", edited: "false" });

  await page.keyboard.press("l");
  await page.mouse.move(...(await windowPoint(page, 30, 80)));
  await page.mouse.down();
  for (const [x, y] of [[120, 80], [120, 140], [30, 140]] as const) await page.mouse.move(...(await windowPoint(page, x, y)), { steps: 4 });
  await expect.poll(async () => (await layerPixel(page, "prompts", 100, 110))[3]).toBeGreaterThan(50);
  expect((await layerPixel(page, "prompts", 60, 110))[3]).toBe(0);
  await page.keyboard.press("Escape");
  await page.mouse.up();

  // Inside the selected mask, and the other way round.
  await page.getByRole("checkbox", { name: "Spare other masks" }).uncheck();
  await page.keyboard.press("v");
  await click(page, 60, 110);
  await waitFor(page, { selected: "1" });
  await page.keyboard.press("b");
  await page.getByRole("checkbox", { name: "Only inside the selected mask" }).check();
  const before = await previewAt(page, [35, 110], [60, 110], [100, 110]);
  await page.mouse.move(...(await windowPoint(page, 30, 110)));
  await page.mouse.down();
  await page.mouse.move(...(await windowPoint(page, 120, 110)), { steps: 6 });
  await expect.poll(async () => await layerPixel(page, "preview", 60, 110)).not.toEqual(before[1]);
  expect([await layerPixel(page, "preview", 35, 110), await layerPixel(page, "preview", 100, 110)]).toEqual([before[0], before[2]]);
  await page.mouse.up();
  await waitFor(page, { edited: "true" });
});

it("the view stays where it was for the next photo of the same size", async () => {
  const { page } = await open();
  const { projectId } = await newProject(page, "Series", [71, 72], [640, 480]);
  await startWork(page, projectId);
  const fitted = await facts(page);
  await page.mouse.move(...(await windowPoint(page, 200, 150)));
  await page.mouse.wheel(0, -400);
  await page.waitForFunction((scale) => document.querySelector<HTMLElement>("[data-stage]")?.dataset["scale"] !== scale, fitted.scale);
  const { image, scale, left, top } = await facts(page);
  await page.keyboard.press("Control+Enter");
  await page.waitForFunction((before) => document.querySelector<HTMLElement>("[data-stage]")?.dataset["image"] !== before, image);
  await waitFor(page, { ready: "true" });
  expect(await facts(page)).toMatchObject({ scale, left, top });
});

it("the photo is as sharp as the screen, also on another screen", async () => {
  const { page } = await open({ decodes: "server" });
  const { projectId } = await newProject(page, "Screens", [73]);
  await startWork(page, projectId);
  const density = () => page.locator("canvas[data-layer=image]").evaluate((canvas: HTMLCanvasElement) => canvas.width / canvas.clientWidth);
  expect(await density()).toBe(1);
  const session = await page.context().newCDPSession(page);
  for (const [deviceScaleFactor, colorScheme] of [[2, "light"], [3, "dark"]] as const) {
    await session.send("Emulation.setDeviceMetricsOverride", { width: 1280, height: 800, deviceScaleFactor, mobile: false });
    // Chromium's debugger changes the density in silence; with another colour scheme it looks at what media queries say.
    await page.emulateMedia({ colorScheme });
    await expect.poll(density, { timeout: 10_000 }).toBe(deviceScaleFactor);
  }
});
