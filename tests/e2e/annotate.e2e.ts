// The annotator's journey, by pointer and by keyboard, with a look at the pixels.
import { describe, expect, it } from "vitest";
import { annotationsOf, click, drag, facts, isInMask, layerPixel, newProject, ready, saved, screenPixel, startWork, waitFor, windowPoint } from "./annotate-stage";
import { callApi, expectAccessible, withBrowser } from "./browser";

const { open } = withBrowser();
const CENTRE: [number, number] = [160, 120];

describe("making masks", () => {
  it("clicks, sees the model's mask, keeps it, takes it back, and leaves the evidence on the server", async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "Discs", [11, 12]);
    await startWork(page, projectId);
    expect((await layerPixel(page, "image", ...CENTRE))[3]).toBe(255);
    const bare = await screenPixel(page, 150, 120);

    await click(page, ...CENTRE);
    await waitFor(page, { points: "1", candidates: "3", masks: "0" });
    expect((await layerPixel(page, "preview", 150, 120))[3]).toBeGreaterThan(0);
    expect(await screenPixel(page, 150, 120)).not.toEqual(bare);

    await page.keyboard.press("2");
    await waitFor(page, { candidates: "3" });
    expect(await page.getByRole("radio", { checked: true }).getAttribute("aria-label")).toMatch(/^Mask 2/);
    await click(page, 20, 20, "right");
    await waitFor(page, { points: "2", candidates: "1" });
    await page.keyboard.press("Backspace");
    await waitFor(page, { points: "1", candidates: "3" });
    expect(await page.getByRole("radio", { checked: true }).getAttribute("aria-label")).toMatch(/^Mask 2/);
    await click(page, 20, 20, "right");
    await waitFor(page, { points: "2", candidates: "1" });

    await page.keyboard.press("Enter");
    await waitFor(page, { points: "0", masks: "1" });
    await saved(page);
    expect((await layerPixel(page, "preview", 150, 120))[3]).toBe(0);
    const [kept] = await annotationsOf(page, imageIds[0] ?? 0);
    expect(kept).toMatchObject({
      state: "accepted",
      clicks: 3,
      candidate: null,
      prompts: [
        { type: "point", label: 1, candidate: 1 },
        { type: "point", label: 0, candidate: null },
      ],
    });
    expect(kept?.model_version).toMatch(/-[0-9a-f]{8}$/);
    expect(kept?.proposal?.predicted_iou).toBeGreaterThanOrEqual(0);
    expect(kept?.active_seconds).toBeGreaterThan(0);
    const [prompt] = kept?.prompts ?? [];
    expect(Math.hypot((prompt?.x ?? 0) - 160, (prompt?.y ?? 0) - 120)).toBeLessThan(0.5);

    // What the page shows is what the server has, pixel by pixel.
    if (kept === undefined) throw new Error("nothing was kept");
    for (const [x, y] of [[160, 120], [150, 110], [20, 20], [300, 200], [90, 120], [200, 160], [240, 60]] as const) {
      const isShown = ((await layerPixel(page, "masks", x + 0.5, y + 0.5))[3] ?? 0) > 0;
      const isNearBorder = [[-2, 0], [2, 0], [0, -2], [0, 2]].some(([dx = 0, dy = 0]) => isInMask(kept.rle, x + dx, y + dy) !== isInMask(kept.rle, x, y));
      if (!isNearBorder) expect(isShown, `pixel ${x}, ${y}`).toBe(isInMask(kept.rle, x, y));
    }

    await page.keyboard.press("Control+z");
    await waitFor(page, { points: "2", masks: "0" });
    await saved(page);
    expect(await annotationsOf(page, imageIds[0] ?? 0)).toEqual([]);
    await page.keyboard.press("Control+Shift+z");
    await waitFor(page, { points: "0", masks: "1" });
    await saved(page);
    expect((await annotationsOf(page, imageIds[0] ?? 0)).map(({ id }) => id)).toEqual([kept.id]);
  });

  it("draws boxes, selects, names and deletes masks, and undoes the deletion", async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "Boxes", [21]);
    await callApi(page, "POST", `/projects/${projectId}/categories`, { name: "disc" });
    await startWork(page, projectId);
    await drag(page, [90, 50], [230, 190]);
    await waitFor(page, { points: "1" });
    await page.getByRole("button", { name: "Keep mask" }).click();
    await waitFor(page, { masks: "1", points: "0" });
    await saved(page);
    const [kept] = await annotationsOf(page, imageIds[0] ?? 0);
    expect(kept?.prompts).toMatchObject([{ type: "box" }]);
    const inside = [160, 120].every((value) => value > 0) && isInMask(kept?.rle ?? { size: [1, 1], counts: "" }, 160, 120);
    expect(inside).toBe(true);

    await page.keyboard.press("v");
    await click(page, ...CENTRE);
    await page.getByText("Category of mask 1").waitFor();
    await page.getByRole("heading", { name: "Mask 1" }).waitFor();
    await page.getByText("Selected. R refines it with the model").waitFor();
    await page.getByRole("combobox").click();
    await page.getByRole("option", { name: "disc" }).click();
    await page.getByRole("list").getByText("disc").waitFor();
    await saved(page);
    expect((await annotationsOf(page, imageIds[0] ?? 0))[0]).toMatchObject({ category_id: expect.any(Number), revision: 2 });

    await page.locator("[data-stage]").focus();
    await page.keyboard.press("Delete");
    await waitFor(page, { masks: "0" });
    await saved(page);
    expect(await annotationsOf(page, imageIds[0] ?? 0)).toEqual([]);
    await page.keyboard.press("Control+z");
    await waitFor(page, { masks: "1" });
    await saved(page);
    expect((await annotationsOf(page, imageIds[0] ?? 0))[0]).toMatchObject({ id: kept?.id, state: "accepted", clicks: 1 });
  });

  it("needs no pointer: crosshair, points, box by two corners, finish", async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "Keys only", [31]);
    await startWork(page, projectId);
    await page.locator("[data-stage]").focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("f");
    await waitFor(page, { points: "1" });
    await page.keyboard.press("Shift+ArrowDown");
    await page.keyboard.press("g");
    await waitFor(page, { points: "2" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1" });
    await page.keyboard.press("x");
    for (let i = 0; i < 3; i++) await page.keyboard.press("Shift+ArrowUp");
    for (let i = 0; i < 3; i++) await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("x");
    await waitFor(page, { points: "1" });
    await page.keyboard.press("Escape");
    await waitFor(page, { points: "0" });
    await page.keyboard.press("Control+Enter");
    await page.getByRole("heading", { name: "No photo is waiting" }).waitFor();
    expect((await annotationsOf(page, imageIds[0] ?? 0)).map(({ prompts }) => prompts.length)).toEqual([2]);
    expect(await callApi(page, "GET", `/images/${imageIds[0] ?? 0}`)).toMatchObject({ state: "done" });
  });
});

describe("the view", () => {
  it("zooms at the pointer, pans with Space, fits and shows 100 %", async () => {
    const { page } = await open();
    const { projectId } = await newProject(page, "View", [41], [640, 480]);
    await startWork(page, projectId);
    const fitted = await facts(page);
    await page.mouse.move(...(await windowPoint(page, 200, 150)));
    const before = await windowPoint(page, 200, 150);
    await page.mouse.wheel(0, -400);
    await page.waitForFunction((scale) => document.querySelector<HTMLElement>("[data-stage]")?.dataset["scale"] !== scale, fitted.scale);
    const after = await windowPoint(page, 200, 150);
    expect(Math.hypot(after[0] - before[0], after[1] - before[1])).toBeLessThan(1.5);

    await page.keyboard.down("Space");
    await page.mouse.down();
    await page.mouse.move(after[0] + 60, after[1] - 30, { steps: 4 });
    await page.mouse.up();
    await page.keyboard.up("Space");
    const panned = await windowPoint(page, 200, 150);
    // The view rests on whole pixels.
    expect(Math.max(Math.abs(panned[0] - after[0] - 60), Math.abs(panned[1] - after[1] + 30))).toBeLessThanOrEqual(1);
    await waitFor(page, { points: "0" });
    // After moving and stretching the layers are what a fresh drawing gives.
    const moved = await page.locator("[data-stage]").screenshot();
    await page.keyboard.press("m");
    await page.keyboard.press("m");
    await page.mouse.wheel(0, 0);
    await waitFor(page, {});
    expect(Buffer.compare(moved, await page.locator("[data-stage]").screenshot())).toBe(0);

    await page.keyboard.press("9");
    expect((await facts(page)).scale).toBe("1");
    await page.keyboard.press("0");
    expect(await facts(page)).toMatchObject({ scale: fitted.scale, left: fitted.left, top: fitted.top });
    await page.keyboard.press("\\");
    await page.getByRole("toolbar", { name: "Tools" }).waitFor({ state: "hidden" });
    await page.keyboard.press("\\");
    await page.getByRole("toolbar", { name: "Tools" }).waitFor();
  });
});

describe("the queue", () => {
  it("lends, skips with a reason, finishes, and ends with a word", async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "Queue", [51, 52]);
    await startWork(page, projectId);
    const first = (await facts(page)).image;
    await page.keyboard.press("k");
    await page.getByLabel("Why").fill("Nothing on it");
    await page.keyboard.press("Enter");
    await page.waitForFunction((image) => ![image, ""].includes(document.querySelector<HTMLElement>("[data-stage]")?.dataset["image"] ?? ""), first);
    await ready(page);
    expect(await callApi(page, "GET", `/images/${first}`)).toMatchObject({ state: "skipped", skip_reason: "Nothing on it" });
    const other = imageIds.find((id) => String(id) !== first) ?? 0;

    await click(page, ...CENTRE);
    await waitFor(page, { points: "1" });
    await page.keyboard.press("Control+Enter");
    await page.getByText("This mask is not kept yet").waitFor();
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1" });
    await page.getByRole("button", { name: "Finish image" }).click();
    await page.getByRole("heading", { name: "No photo is waiting" }).waitFor();
    expect(await callApi(page, "GET", `/images/${other}`)).toMatchObject({ state: "done", annotation_count: 1 });
    expect(new URL(page.url()).search).toBe("");
  });
});

describe("leaving for another page", () => {
  it("gives the photo back to the queue, but not with clicks that are not kept", async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "Left", [53]);
    const stateOf = async (): Promise<string> => (await callApi<{ state: string }>(page, "GET", `/images/${imageIds[0] ?? 0}`)).state;
    await startWork(page, projectId);
    expect(await stateOf()).toBe("claimed");
    const back = page.getByRole("banner").getByRole("link", { name: "Left" });
    await back.click();
    await expect.poll(stateOf, { timeout: 30_000 }).toBe("ready");

    await page.getByRole("link", { name: "Annotate" }).click();
    await ready(page);
    await click(page, ...CENTRE);
    await waitFor(page, { points: "1" });
    await back.click();
    await page.locator(".tile").first().waitFor();
    await page.getByRole("link", { name: "Annotate" }).click();
    await waitFor(page, { ready: "true", points: "1" });
    expect(await stateOf()).toBe("claimed");
  });

  it("gives back the next photo, too, when its lending is answered after one has left", async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "Left early", [54, 55]);
    const stateOf = async (id = 0): Promise<string> => (await callApi<{ state: string }>(page, "GET", `/images/${id}`)).state;
    await startWork(page, projectId);
    let hasLeft = (): void => undefined;
    const leaving = new Promise<void>((done) => (hasLeft = done));
    await page.route("**/work/next", async (route) => {
      const response = await route.fetch();
      await leaving;
      await route.fulfill({ response });
    });
    await page.keyboard.press("Control+Enter");
    await expect.poll(() => stateOf(imageIds[1])).toBe("claimed");
    await page.getByRole("banner").getByRole("link", { name: "Left early" }).click();
    await page.locator(".tile").first().waitFor();
    hasLeft();
    await expect.poll(() => stateOf(imageIds[1]), { timeout: 30_000 }).toBe("ready");
    expect(await stateOf(imageIds[0])).toBe("done");
  });
});

describe.each(["dark", "light"] as const)("in the %s scheme", (scheme) => {
  it("breaks no accessibility rule, with a mask, an answer and the key sheet", async () => {
    const { page } = await open({ scheme });
    const { projectId } = await newProject(page, `Axe ${scheme}`, [scheme === "dark" ? 61 : 62]);
    await callApi(page, "POST", `/projects/${projectId}/categories`, { name: "disc" });
    await startWork(page, projectId);
    await click(page, ...CENTRE);
    await waitFor(page, { points: "1" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1" });
    await click(page, 60, 60);
    await waitFor(page, { points: "1" });
    await saved(page);
    await expectAccessible(page);
    await page.keyboard.press("Shift+?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await expectAccessible(page);
  });
});
