// Parts of a photo are encoded for themselves, and the badge says so: what is on the screen of who has zoomed in, and what is
// around a small object that takes more than two clicks.
import { expect, it } from "vitest";
import { annotationsOf, click, facts, newProject, saved, startWork, waitFor, windowPoint } from "./annotate-stage";
import { withBrowser } from "./browser";

const browser = withBrowser();
const SIZE: [number, number] = [1600, 1200];

it("a small part of a large photo answers for itself once it is encoded", { timeout: 240_000 }, async () => {
  const { page } = await browser.open();
  const { projectId, imageIds } = await newProject(page, "Closer", [31], SIZE);
  await startWork(page, projectId);
  const [x, y] = [SIZE[0] / 2, SIZE[1] / 2];

  await click(page, x, y);
  await waitFor(page, { points: "1" });
  expect(await page.locator("[data-decoding]").getAttribute("data-decoding")).not.toBe("closer");
  await page.keyboard.press("Escape");
  await waitFor(page, { points: "0" });

  const fitted = Number((await facts(page)).scale);
  await page.mouse.move(...(await windowPoint(page, x, y)));
  while (Number((await facts(page)).scale) < 8 * fitted) await page.mouse.wheel(0, -240);

  // The part is encoded in the background: the same click is answered by it sooner or later.
  await expect
    .poll(
      async () => {
        await click(page, x, y);
        await waitFor(page, { points: "1" });
        const where = await page.locator("[data-decoding]").getAttribute("data-decoding");
        if (where !== "closer") {
          await page.keyboard.press("Escape");
          await waitFor(page, { points: "0" });
        }
        return where;
      },
      { timeout: 120_000, interval: 500 },
    )
    .toBe("closer");
  expect(await page.locator("[data-decoding]").textContent()).toContain("closer look");
  await page.keyboard.press("Enter");
  await waitFor(page, { masks: "1" });
  await saved(page);
  const [mask] = await annotationsOf(page, imageIds[0] ?? 0);
  expect(mask).toMatchObject({ origin: "model", rle: { size: [SIZE[1], SIZE[0]] } });
});

it("a small object that is corrected is answered by its surroundings, without zooming in", { timeout: 240_000 }, async () => {
  const { page } = await browser.open();
  const { projectId, imageIds } = await newProject(page, "Corrected", [32], [640, 480], 20);
  await startWork(page, projectId);
  const [x, y] = [320, 240];
  await click(page, x, y);
  await waitFor(page, { points: "1" });
  await click(page, x + 8, y);
  await waitFor(page, { points: "2" });
  expect(await page.locator("[data-decoding]").getAttribute("data-decoding")).not.toBe("closer");

  // The surroundings are encoded in the background: sooner or later they answer the third click.
  await expect
    .poll(
      async () => {
        await click(page, x - 8, y);
        await waitFor(page, { points: "3" });
        const where = await page.locator("[data-decoding]").getAttribute("data-decoding");
        if (where !== "closer") {
          await page.keyboard.press("Backspace");
          await waitFor(page, { points: "2" });
        }
        return where;
      },
      { timeout: 120_000, interval: 500 },
    )
    .toBe("closer");
  await page.keyboard.press("Enter");
  await waitFor(page, { masks: "1" });
  await saved(page);
  const [mask] = await annotationsOf(page, imageIds[0] ?? 0);
  expect(mask).toMatchObject({ origin: "model", prompts: [{ label: 1 }, { label: 1 }, { label: 1 }] });
});
