// What is said of a mask: flags and comments, undone like everything else, and in what is exported.
import { expect, it } from "vitest";
import { annotationsOf, click, drag, newProject, ready, saved, startWork, waitFor } from "./annotate-stage";
import { expectAccessibleInBothSchemes, withBrowser } from "./browser";

const { open } = withBrowser();

it("flags before and after keeping, a comment, undo, a reload", async () => {
  const { page } = await open();
  const { projectId, imageIds } = await newProject(page, "Flags", [341]);
  const image = imageIds[0] ?? 0;
  await startWork(page, projectId);
  await page.keyboard.press("u");
  await page.getByText("Select a mask first").waitFor();
  await click(page, 160, 120);
  await waitFor(page, { points: "1", candidates: "3" });
  await page.keyboard.press("u");
  await page.keyboard.press("Enter");
  await waitFor(page, { masks: "1", points: "0" });
  await saved(page);
  expect(await annotationsOf(page, image)).toMatchObject([{ flags: ["unsure"], comment: "", revision: 1 }]);

  await page.keyboard.press(".");
  await page.getByRole("button", { name: "Cut off" }).click();
  await page.keyboard.press("u");
  await saved(page);
  expect(await annotationsOf(page, image)).toMatchObject([{ flags: ["cut_by_border"] }]);
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Control+z");
  await saved(page);
  expect(await annotationsOf(page, image)).toMatchObject([{ flags: ["unsure"] }]);

  await page.keyboard.press("c");
  await page.keyboard.type("One cell or two?");
  await page.keyboard.press("Control+Enter");
  await saved(page);
  expect(await annotationsOf(page, image)).toMatchObject([{ comment: "One cell or two?" }]);
  await expectAccessibleInBothSchemes(page);
  await page.reload();
  await ready(page);
  const row = page.getByRole("button", { name: /^Mask 1/ });
  await row.getByRole("img", { name: "Unsure" }).waitFor();
  await row.getByRole("img", { name: "has a comment" }).waitFor();
  await row.click();
  expect(await page.getByLabel("Comment for the reviewer").inputValue()).toBe("One cell or two?");
});

it("a comment is not lost when a button or another row is pressed right after it", async () => {
  const { page } = await open({ decodes: "server" });
  const { projectId, imageIds } = await newProject(page, "Said in haste", [342]);
  const image = imageIds[0] ?? 0;
  await startWork(page, projectId);
  await page.keyboard.press("b");
  for (const [i, y] of [60, 160].entries()) {
    await drag(page, [60, y], [120, y]);
    await waitFor(page, { edited: "true" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: String(i + 1), points: "0" });
  }
  const row = (number: number) => page.getByRole("button", { name: new RegExp(`^Mask ${number}`) });
  await row(1).click();
  await page.keyboard.press("c");
  await page.keyboard.type("First");
  await row(2).click();
  await waitFor(page, { selected: "2" });
  await page.keyboard.press("c");
  await page.keyboard.type("Second");
  await page.getByRole("button", { name: "Finish" }).click();
  await page.getByRole("heading", { name: "No photo is waiting" }).waitFor();
  expect(await annotationsOf(page, image)).toMatchObject([{ comment: "First" }, { comment: "Second" }]);
});
