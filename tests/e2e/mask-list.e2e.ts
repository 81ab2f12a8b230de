// The list of masks under pointer and keys: which of them Delete and R mean, and what is shown alone.
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { click, drag, layerPixel, newProject, startWork, waitFor } from "./annotate-stage";
import { withBrowser } from "./browser";

const { open } = withBrowser();
const Y_OF_MASKS = [40, 120, 200];

const row = (page: Page, number: number) => page.getByRole("button", { name: new RegExp(`^Mask ${number}`) });

async function threeMasks(page: Page, name: string, seed: number): Promise<void> {
  const { projectId } = await newProject(page, name, [seed]);
  await startWork(page, projectId);
  await page.keyboard.press("b");
  for (const [i, y] of Y_OF_MASKS.entries()) {
    await drag(page, [60, y], [120, y]);
    await waitFor(page, { edited: "true" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: String(i + 1), points: "0" });
  }
  await page.keyboard.press("v");
}

it("Delete and R mean what is selected, and what is pointed at only when nothing is", async () => {
  const { page } = await open({ decodes: "server" });
  await threeMasks(page, "Selected", 391);
  await row(page, 1).click(); // and the pointer stays there
  await page.keyboard.press(".");
  await waitFor(page, { selected: "2" });
  await page.keyboard.press("Delete");
  await waitFor(page, { masks: "2" });
  await row(page, 2).waitFor({ state: "detached" });
  await page.keyboard.press("Control+z");
  await row(page, 2).click();
  await row(page, 3).hover();
  await page.keyboard.press("r");
  await page.getByRole("heading", { name: "Refining mask 2" }).waitFor();
  await page.keyboard.press("Control+z");

  await row(page, 1).click();
  await row(page, 2).click({ modifiers: ["Shift"] });
  await row(page, 3).click({ modifiers: ["Shift"] });
  await page.keyboard.press("Delete");
  await waitFor(page, { masks: "0" });
  await page.keyboard.press("Control+z");
  await waitFor(page, { masks: "3", selected: "" });
  await row(page, 3).hover();
  await page.keyboard.press("Delete");
  await row(page, 3).waitFor({ state: "detached" });
  await waitFor(page, { masks: "2" });
});

it("a row that goes while it has the focus leaves the other masks to be seen", async () => {
  const { page } = await open({ decodes: "server" });
  await threeMasks(page, "Gone", 392);
  await click(page, 300, 10);
  await row(page, 3).focus();
  await expect.poll(async () => (await layerPixel(page, "masks", 90, 40))[3]).toBe(0);
  await page.keyboard.press("Control+z");
  await waitFor(page, { masks: "2", points: "1" });
  await expect.poll(async () => (await layerPixel(page, "masks", 90, 40))[3]).toBeGreaterThan(0);
});
