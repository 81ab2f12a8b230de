// The line under the photo names what can be done now, with the tool in hand; nothing it says is wrong.
import { expect, it } from "vitest";
import { annotationsOf, click, drag, newProject, saved, startWork, waitFor } from "./annotate-stage";
import { withBrowser } from "./browser";

const { open } = withBrowser();

it("names the keys of the tool in hand, of several masks, and of swapped clicks", async () => {
  const { page } = await open({ decodes: "server" });
  const { projectId, imageIds } = await newProject(page, "Hints", [381]);
  await startWork(page, projectId);
  const line = page.getByRole("contentinfo");
  await line.getByText("on the object").waitFor();
  await page.keyboard.press("n");
  await line.getByText("swapped: click is off it").waitFor();
  await page.keyboard.press("n");
  await page.keyboard.press("b");
  await line.getByText("paint").waitFor();
  expect(await line.getByText("on the object").count()).toBe(0);
  await page.getByText("Drag to paint a mask by hand.").waitFor();
  for (const y of [60, 140]) {
    await drag(page, [60, y], [120, y]);
    await waitFor(page, { edited: "true" });
    await line.getByText(/keep$/).waitFor();
    await page.keyboard.press("Enter");
  }
  await waitFor(page, { masks: "2", points: "0" });
  await page.keyboard.press("v");
  await line.getByText("select more").waitFor();
  await click(page, 90, 60);
  await page.keyboard.down("Shift");
  await click(page, 90, 140);
  await page.keyboard.up("Shift");
  await line.getByText("delete all of them").waitFor();
  await page.keyboard.press("Delete");
  await waitFor(page, { masks: "0" });
  await saved(page);
  expect(await annotationsOf(page, imageIds[0] ?? 0)).toEqual([]);
  await page.keyboard.press("Control+z");
  await waitFor(page, { masks: "2" });
  await page.keyboard.press("PageUp");
  await line.getByText("You have not finished or skipped a photo here yet.").waitFor();
  expect(await line.getByText("finish image").count(), "the notice has the line for itself").toBe(0);
});
