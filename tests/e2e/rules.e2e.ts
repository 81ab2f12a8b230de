// What may be painted over, and what stays from one photo to the next.
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { annotationsOf, click, drag, facts, isInMask, newProject, saved, startWork, waitFor, windowPoint } from "./annotate-stage";
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
