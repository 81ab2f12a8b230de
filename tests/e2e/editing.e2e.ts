// Pixels by hand: brush, eraser, lasso, what tidies masks, and the way back from all of it.
import { describe, expect, it } from "vitest";
import { annotationsOf, click, drag, facts, isInMask, layerPixel, newProject, saved, startWork, waitFor, windowPoint } from "./annotate-stage";
import { expectAccessible, withBrowser } from "./browser";
import type { Page } from "playwright-core";

const { open } = withBrowser();

/** Sets the radius of the brush by the keys a person has. */
async function setRadius(page: Page, radius: number): Promise<void> {
  await page.evaluate((value) => localStorage.setItem("segloop-tools", JSON.stringify({ radius: value })), radius);
  await page.reload();
  await waitFor(page, { ready: "true" });
}

async function start(page: Page, name: string, seed: number, radius = 10): Promise<number> {
  const { projectId, imageIds } = await newProject(page, name, [seed]);
  await startWork(page, projectId);
  await setRadius(page, radius);
  return imageIds[0] ?? 0;
}

/** The one mask of the image, as the server has it. */
async function theMask(page: Page, imageId: number) {
  await saved(page);
  const [mask, ...more] = await annotationsOf(page, imageId);
  if (mask === undefined || more.length > 0) throw new Error(`${more.length + 1} masks instead of one`);
  return mask;
}

describe("brush and eraser", () => {
  it("begin a mask that no model had a part in, pixel by pixel", async () => {
    const { page } = await open();
    const imageId = await start(page, "By hand", 61);
    await page.keyboard.press("b");
    await drag(page, [60, 60], [160, 60]);
    await waitFor(page, { points: "1", edited: "true", steps: "1" });
    expect((await layerPixel(page, "preview", 110, 60))[3]).toBeGreaterThan(0);
    expect((await layerPixel(page, "preview", 110, 90))[3]).toBe(0);

    await page.keyboard.press("e");
    await click(page, 110, 60);
    await waitFor(page, { steps: "2" });
    expect((await layerPixel(page, "preview", 110, 60))[3]).toBe(0);

    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    const mask = await theMask(page, imageId);
    expect(mask).toMatchObject({ origin: "manual", model_version: null, prompts: [], proposal: null, clicks: 2 });
    for (const [x, y, isIn] of [[60, 60, true], [160, 60, true], [52, 60, true], [48, 60, false], [80, 51, true], [80, 48, false], [110, 60, false], [118, 60, false], [122, 60, true]] as const) {
      expect([x, y, isInMask(mask.rle, x, y)]).toEqual([x, y, isIn]);
    }
  });

  it("change the mask under the eraser at its first click, and the selected mask under the brush", async () => {
    const { page } = await open();
    const imageId = await start(page, "Kept", 62);
    await page.keyboard.press("b");
    await drag(page, [60, 100], [200, 100]);
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    const before = await theMask(page, imageId);

    await page.keyboard.press("e");
    await click(page, 130, 100);
    await waitFor(page, { masks: "1", selected: "1", points: "0" });
    const erased = await theMask(page, imageId);
    expect(isInMask(erased.rle, 130, 100)).toBe(false);
    expect(erased.id).toBe(before.id);
    expect(erased.area).toBeLessThan(before.area);

    await page.keyboard.press("b");
    await drag(page, [130, 100], [130, 160]);
    await waitFor(page, { masks: "1", points: "0" });
    const painted = await theMask(page, imageId);
    expect([isInMask(painted.rle, 130, 100), isInMask(painted.rle, 130, 160)]).toEqual([true, true]);
    expect((await layerPixel(page, "preview", 130, 150))[3]).toBeGreaterThan(0);
    // Alt turns the brush round.
    await page.keyboard.down("Alt");
    await click(page, 130, 160);
    await page.keyboard.up("Alt");
    await waitFor(page, {});
    expect(isInMask((await theMask(page, imageId)).rle, 130, 165)).toBe(false);

    await page.keyboard.press("Control+z");
    await page.keyboard.press("Control+z");
    await page.keyboard.press("Control+z");
    await waitFor(page, { masks: "1" });
    expect((await theMask(page, imageId)).rle).toEqual(before.rle);
  });

  it("draw straight lines with Shift and change size by key", async () => {
    const { page } = await open();
    const imageId = await start(page, "Straight", 63, 4);
    await page.keyboard.press("b");
    await click(page, 40, 200);
    await page.keyboard.down("Shift");
    await click(page, 240, 200);
    await page.keyboard.up("Shift");
    for (let i = 0; i < 4; i++) await page.keyboard.press("]");
    await click(page, 40, 40);
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    const { rle } = await theMask(page, imageId);
    expect([isInMask(rle, 140, 200), isInMask(rle, 140, 206), isInMask(rle, 40, 46), isInMask(rle, 40, 50)]).toEqual([true, false, true, false]);
  });

  it("go on from the model's mask, and the model goes on from theirs", async () => {
    const { page } = await open();
    const imageId = await start(page, "Both", 64);
    await click(page, 160, 120);
    await waitFor(page, { points: "1" });
    await page.keyboard.press("b");
    await drag(page, [20, 20], [60, 20]);
    await waitFor(page, { points: "2", edited: "true" });
    expect((await layerPixel(page, "preview", 40, 20))[3]).toBeGreaterThan(0);
    // A reload loses nothing of it.
    await page.reload();
    await waitFor(page, { ready: "true", points: "2", edited: "true" });
    expect((await layerPixel(page, "preview", 40, 20))[3]).toBeGreaterThan(0);
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    const kept = await theMask(page, imageId);
    expect(kept).toMatchObject({ origin: "model", prompts: [{ type: "point" }], clicks: 2 });
    expect(kept.model_version).toMatch(/-[0-9a-f]{8}$/);
    expect(isInMask(kept.rle, 40, 20)).toBe(true);
    const { proposal } = kept as unknown as { proposal: { rle: { size: number[]; counts: string } } };
    expect(proposal.rle.counts).not.toBe(kept.rle.counts);

    // Undone, it is being made again, with the prompt and the stroke.
    await page.keyboard.press("Control+z");
    await waitFor(page, { masks: "0", points: "2", edited: "true" });
    await page.keyboard.press("s");
    await click(page, 60, 20);
    await waitFor(page, { masks: "0", points: "3", edited: "false" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    expect((await theMask(page, imageId)).prompts.map(({ type }) => type)).toEqual(["point", "mask", "point"]);
  });
});

describe("the lasso", () => {
  it("takes clicks, freehand and keys, adds and takes away", async () => {
    const { page } = await open();
    const imageId = await start(page, "Lasso", 65);
    await page.keyboard.press("l");
    for (const [x, y] of [[40, 40], [140, 40], [140, 140], [40, 140]] as const) await click(page, x, y);
    await page.keyboard.press("Enter");
    await waitFor(page, { points: "1", edited: "true" });
    // Off again, closed on the first point.
    await page.keyboard.down("Alt");
    await click(page, 60, 60);
    await page.keyboard.up("Alt");
    for (const [x, y] of [[100, 60], [100, 100], [60, 100], [60, 60]] as const) await click(page, x, y);
    await waitFor(page, { steps: "2" });
    // Freehand, in one go.
    await page.mouse.move(...(await windowPoint(page, 200, 40)));
    await page.mouse.down();
    for (const [x, y] of [[260, 40], [260, 100], [200, 100], [202, 44]] as const) await page.mouse.move(...(await windowPoint(page, x, y)), { steps: 5 });
    await page.mouse.up();
    await waitFor(page, { steps: "3" });
    // By crosshair: no pointer needed.
    for (const [key, times] of [["ArrowDown", 3], ["ArrowLeft", 2], ["ArrowUp", 2]] as const) {
      await page.keyboard.press("f");
      for (let i = 0; i < times; i++) await page.keyboard.press(`Shift+${key}`);
    }
    await page.keyboard.press("f");
    await page.keyboard.press("Enter");
    await waitFor(page, { steps: "4" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    const { rle } = await theMask(page, imageId);
    const at = (x: number, y: number): boolean => isInMask(rle, x, y);
    expect([at(50, 50), at(80, 80), at(130, 130), at(230, 70), at(170, 70)]).toEqual([true, false, true, true, false]);
  });

  it("ends with Escape, and Backspace takes a corner back", async () => {
    const { page } = await open();
    await start(page, "Given up", 66);
    await page.keyboard.press("l");
    for (const [x, y] of [[40, 40], [140, 40], [140, 140]] as const) await click(page, x, y);
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Enter");
    await waitFor(page, { points: "0", steps: "0" });
    for (const [x, y] of [[40, 40], [140, 40], [140, 140]] as const) await click(page, x, y);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Enter");
    await waitFor(page, { points: "0", steps: "0" });
  });
});

describe("what tidies masks", () => {
  it("fills, grows, splits, merges, duplicates and subtracts, and undoes each as one step", async () => {
    const { page } = await open();
    const imageId = await start(page, "Tidy", 67);
    await page.keyboard.press("b");
    await drag(page, [60, 60], [100, 60]);
    await drag(page, [200, 60], [240, 60]);
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    await page.keyboard.press("v");
    await click(page, 80, 60);
    await waitFor(page, { selected: "1" });
    await expectAccessible(page);

    await page.keyboard.press("Shift+j");
    await waitFor(page, { masks: "2", steps: "4" });
    await page.keyboard.down("Shift");
    await click(page, 220, 60);
    await page.keyboard.up("Shift");
    await page.getByText("2 masks selected").waitFor();
    await page.keyboard.press("j");
    await waitFor(page, { masks: "1", steps: "5" });
    const merged = await theMask(page, imageId);
    expect([isInMask(merged.rle, 80, 60), isInMask(merged.rle, 220, 60)]).toEqual([true, true]);

    await page.keyboard.press("t");
    await waitFor(page, { steps: "6" });
    const grown = await theMask(page, imageId);
    expect([isInMask(merged.rle, 80, 49), isInMask(grown.rle, 80, 49)]).toEqual([false, true]);
    await page.keyboard.press("Shift+l");
    await waitFor(page, { steps: "7" });
    expect((await theMask(page, imageId)).area).toBeLessThan(grown.area);
    await page.getByRole("button", { name: "Duplicate" }).click();
    await waitFor(page, { masks: "2", selected: "3" });
    await page.keyboard.press("Shift+m");
    await page.getByText("This would leave nothing of the mask").waitFor();

    for (let i = 0; i < 8; i++) await page.keyboard.press("Control+z");
    await waitFor(page, { masks: "0", points: "0", steps: "0" });
    await saved(page);
    expect(await annotationsOf(page, imageId)).toEqual([]);
    for (let i = 0; i < 8; i++) await page.keyboard.press("Control+Shift+z");
    await waitFor(page, { masks: "2", steps: "8" });
    await saved(page);
    expect((await annotationsOf(page, imageId)).length).toBe(2);
  });
});

describe("the view", () => {
  it("peeks while W is held, goes to outlines, and keeps brightness for the next visit", async () => {
    const { page } = await open();
    await start(page, "Look", 69);
    await page.keyboard.press("b");
    await drag(page, [60, 60], [100, 60]);
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    expect((await layerPixel(page, "masks", 80, 60))[3]).toBeGreaterThan(0);
    await page.keyboard.down("w");
    await waitFor(page, {});
    expect((await layerPixel(page, "masks", 80, 60))[3]).toBe(0);
    await page.keyboard.up("w");
    await waitFor(page, {});
    expect((await layerPixel(page, "masks", 80, 60))[3]).toBeGreaterThan(0);
    await page.keyboard.press("o");
    await page.keyboard.press("o");
    await waitFor(page, {});
    expect((await layerPixel(page, "masks", 80, 60))[3]).toBe(0);
    await page.keyboard.press("Shift+v");
    await page.getByRole("slider", { name: "Brightness" }).fill("1.5");
    await expectAccessible(page);
    await page.keyboard.press("Escape");
    await page.reload();
    await waitFor(page, { ready: "true" });
    expect(await page.locator("canvas[data-layer=image]").evaluate((canvas) => (canvas as HTMLElement).style.filter)).toBe("brightness(1.5) contrast(1)");
  });
});

describe("undo and redo", () => {
  it("withstand a storm: all the way back and all the way forth give the same masks, in pixels and on the server", async () => {
    const { page } = await open();
    const imageId = await start(page, "Storm", 70, 6);
    // A fixed sequence that looks random (a linear congruential generator).
    let state = 12345;
    const next = (below: number): number => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return Math.floor((state / 2147483648) * below);
    };
    const place = (): [number, number] => [20 + next(280), 20 + next(200)];
    for (let i = 0; i < 24; i++) {
      const action = next(8);
      await page.keyboard.press(action < 3 ? "b" : action < 5 ? "e" : "v");
      if (action < 5) await drag(page, place(), place());
      else await click(page, ...place());
      if (action === 5) await page.keyboard.press("Shift+j");
      if (action === 6) await page.keyboard.press("t");
      if (next(3) === 0) await page.keyboard.press("Enter");
    }
    await page.keyboard.press("Enter");
    await waitFor(page, { points: "0" });
    await saved(page);
    const masksNow = async () => (await annotationsOf(page, imageId)).map(({ rle }) => rle.counts).sort();
    const [before, { steps, masks }] = [await masksNow(), await facts(page)];
    expect(Number(masks)).toBeGreaterThan(1);
    for (let i = 0; i < Number(steps); i++) await page.keyboard.press("Control+z");
    await waitFor(page, { masks: "0", points: "0", steps: "0" });
    await saved(page);
    expect(await masksNow()).toEqual([]);
    for (let i = 0; i < Number(steps); i++) await page.keyboard.press("Control+Shift+z");
    await waitFor(page, { masks, steps, points: "0" });
    await saved(page);
    expect(await masksNow()).toEqual(before);
  });
});
