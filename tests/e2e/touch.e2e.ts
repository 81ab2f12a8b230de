// Fingers and pens, as the browser itself hears of them.
import type { CDPSession, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { annotationsOf, facts, isInMask, newProject, saved, screenPixel, startWork, waitFor, windowPoint } from "./annotate-stage";
import { withBrowser } from "./browser";

const { open } = withBrowser();
type Point = [number, number];

/** Fingers at places of the photo. */
async function touch(page: Page, session: CDPSession, type: "touchStart" | "touchMove" | "touchEnd", points: readonly Point[]): Promise<void> {
  const touchPoints = await Promise.all(points.map(async (point, id) => {
    const [x, y] = await windowPoint(page, ...point);
    return { x, y, id };
  }));
  await session.send("Input.dispatchTouchEvent", { type, touchPoints });
}

/** A tap with the pen turned round. The debugger has no word for it, so the event is made in the page. */
async function eraserEnd(page: Page, point: Point): Promise<void> {
  const [clientX, clientY] = await windowPoint(page, ...point);
  await page.locator("[data-stage]").evaluate((stage, at) => {
    // 1 is the mouse's number: the only pointer that may always be captured.
    const init = { ...at, pointerId: 1, pointerType: "pen", isPrimary: true, bubbles: true, cancelable: true, button: 5 };
    stage.dispatchEvent(new PointerEvent("pointerdown", { ...init, buttons: 32 }));
    stage.dispatchEvent(new PointerEvent("pointerup", { ...init, buttons: 0 }));
  }, { clientX, clientY });
}

async function pen(page: Page, session: CDPSession, path: readonly Point[]): Promise<void> {
  const at = async (type: "mousePressed" | "mouseMoved" | "mouseReleased", [imageX, imageY]: Point): Promise<void> => {
    const [x, y] = await windowPoint(page, imageX, imageY);
    const isUp = type === "mouseReleased";
    await session.send("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons: isUp ? 0 : 1, clickCount: 1, pointerType: "pen", force: 0.5 });
  };
  const [first, last] = [path[0], path.at(-1)];
  if (first === undefined || last === undefined) throw new Error("an empty path");
  await at("mousePressed", first);
  for (const point of path.slice(1)) await at("mouseMoved", point);
  await at("mouseReleased", last);
}

async function start(page: Page, name: string, seed: number): Promise<{ imageId: number; session: CDPSession }> {
  const { projectId, imageIds } = await newProject(page, name, [seed]);
  await startWork(page, projectId);
  return { imageId: imageIds[0] ?? 0, session: await page.context().newCDPSession(page) };
}

describe("fingers", () => {
  it("tap a point, rest for a point off the object, and use the bar instead of keys", async () => {
    const { page } = await open();
    const { imageId, session } = await start(page, "Fingers", 81);
    await touch(page, session, "touchStart", [[160, 120]]);
    await touch(page, session, "touchEnd", []);
    await waitFor(page, { points: "1" });
    await touch(page, session, "touchStart", [[20, 20]]);
    await waitFor(page, { points: "2" }); // without letting go
    await touch(page, session, "touchEnd", []);
    await waitFor(page, { points: "2" });
    const bar = page.getByRole("toolbar", { name: "Touch" });
    const sizes = await bar.getByRole("button").evaluateAll((buttons) => buttons.map((button) => button.getBoundingClientRect()).map(({ width, height }) => Math.min(width, height)));
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(44);
    await bar.getByRole("button", { name: "Undo" }).click();
    await waitFor(page, { points: "1" });
    await bar.getByRole("button", { name: "Off it" }).click();
    await touch(page, session, "touchStart", [[30, 30]]);
    await touch(page, session, "touchEnd", []);
    await waitFor(page, { points: "2" });
    await bar.getByRole("button", { name: "Keep mask" }).click();
    await waitFor(page, { masks: "1", points: "0" });
    await saved(page);
    expect((await annotationsOf(page, imageId))[0]?.prompts.map(({ label }) => label)).toEqual([1, 0]);
  });

  it("see beside them what they hide, once they rest or move, and not under a mouse or a pen", async () => {
    const { page } = await open();
    const { session } = await start(page, "Loupe", 84);
    const loupe = page.locator("[data-stage] canvas[data-loupe]");
    await page.keyboard.press("b");
    await touch(page, session, "touchStart", [[100, 120]]);
    await loupe.waitFor();
    await touch(page, session, "touchMove", [[160, 120]]);
    // The stroke is under the cross in its middle; nothing of it is under the finger, which hides as much.
    await expect.poll(() => loupe.evaluate((canvas: HTMLCanvasElement) => [...(canvas.getContext("2d")?.getImageData(56 - 8, 56 - 20, 1, 1).data ?? [])].slice(0, 3))).toEqual(await screenPixel(page, 159, 117));
    const [x, y] = await windowPoint(page, 160, 120);
    const box = await loupe.boundingBox();
    if (box === null) throw new Error("no loupe");
    expect(Math.hypot(box.x + box.width / 2 - x, box.y + box.height / 2 - y) - box.width / 2).toBeGreaterThan(30);
    await touch(page, session, "touchEnd", []);
    await loupe.waitFor({ state: "detached" });
    await waitFor(page, { steps: "1" });
    // Two fingers aim at nothing.
    await touch(page, session, "touchStart", [[140, 120]]);
    await touch(page, session, "touchStart", [[140, 120], [180, 120]]);
    await page.waitForTimeout(300);
    expect(await loupe.count()).toBe(0);
    await touch(page, session, "touchEnd", []);
    await page.mouse.move(...(await windowPoint(page, 100, 60)));
    await page.mouse.down();
    await page.waitForTimeout(300);
    expect(await loupe.count()).toBe(0);
    await page.mouse.up();
  });

  it("move and zoom the view when there are two, and take back the stroke of the first", async () => {
    const { page } = await open();
    const { session } = await start(page, "Two fingers", 82);
    await page.keyboard.press("b");
    const before = await facts(page);
    const [from] = [await windowPoint(page, 160, 120)];
    await touch(page, session, "touchStart", [[140, 120]]);
    await touch(page, session, "touchMove", [[146, 120]]);
    await touch(page, session, "touchStart", [[146, 120], [180, 120]]);
    await touch(page, session, "touchMove", [[116, 120], [210, 120]]);
    await touch(page, session, "touchEnd", []);
    await waitFor(page, { points: "0", steps: "0" });
    const after = await facts(page);
    expect(Number(after.scale)).toBeGreaterThan(1.5 * Number(before.scale));
    const [to] = [await windowPoint(page, 160, 120)];
    expect(Math.hypot(to[0] - from[0], to[1] - from[1])).toBeLessThan(40);
    // One finger alone paints.
    await touch(page, session, "touchStart", [[140, 120]]);
    await touch(page, session, "touchMove", [[160, 120]]);
    await touch(page, session, "touchEnd", []);
    await waitFor(page, { steps: "1", edited: "true" });
  });
});

describe("a pen", () => {
  it("draws; from then on fingers only move the view, until they are let again", async () => {
    const { page } = await open();
    const { imageId, session } = await start(page, "Pen", 83);
    await page.keyboard.press("b");
    await pen(page, session, [[60, 60], [80, 60], [120, 60]]);
    await waitFor(page, { steps: "1", edited: "true" });
    const fingersMove = page.getByRole("button", { name: "Fingers only move the view", pressed: true });
    await fingersMove.waitFor();
    await eraserEnd(page, [90, 60]);
    await waitFor(page, { steps: "2" });

    const before = await facts(page);
    await touch(page, session, "touchStart", [[200, 150]]);
    await touch(page, session, "touchMove", [[220, 170]]);
    await touch(page, session, "touchEnd", []);
    await waitFor(page, { steps: "2" });
    expect((await facts(page)).left).not.toBe(before.left);

    await fingersMove.click();
    await touch(page, session, "touchStart", [[200, 150]]);
    await touch(page, session, "touchMove", [[230, 150]]);
    await touch(page, session, "touchEnd", []);
    await waitFor(page, { steps: "3" });
    await page.locator("[data-stage]").focus();
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    await saved(page);
    const [mask] = await annotationsOf(page, imageId);
    if (mask === undefined) throw new Error("nothing was kept");
    expect([isInMask(mask.rle, 60, 60), isInMask(mask.rle, 120, 60), isInMask(mask.rle, 90, 60), isInMask(mask.rle, 215, 150)]).toEqual([true, true, false, true]);
  });
});
