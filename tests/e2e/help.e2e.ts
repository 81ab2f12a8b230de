// Help where it is needed: keys of one's own, actions by name, guidelines, the first run.
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { annotationsOf, click, facts, newProject, ready, saved, startWork, waitFor } from "./annotate-stage";
import { callApi, expectAccessible, withBrowser } from "./browser";

const { open } = withBrowser();
const CENTRE = [160, 120] as const;

async function makeMask(page: Page): Promise<void> {
  await click(page, ...CENTRE);
  await waitFor(page, { points: "1", candidates: "3" });
}

const openSheet = async (page: Page): Promise<void> => {
  await page.keyboard.press("Shift+?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
};
const closeDialog = async (page: Page): Promise<void> => {
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
};

describe("keys of one's own", () => {
  it("are pressed once, named when taken, swapped, shown everywhere, kept over a reload, and reset", async () => {
    const { page } = await open();
    const { projectId } = await newProject(page, "Own keys", [301]);
    await startWork(page, projectId);
    await openSheet(page);
    const keep = page.locator("[data-action-id='mask.keep']");
    await keep.focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Control+r");
    await page.getByText("Ctrl+R belongs to the browser").waitFor();
    await page.keyboard.press("g");
    await page.getByText("G does this now: point off the object.").waitFor();
    await expectAccessible(page);
    await page.getByRole("button", { name: "Swap the two" }).click();
    expect(await keep.textContent()).toMatch(/^G/);
    expect(await page.locator("[data-action-id='prompt.off']").textContent()).toMatch(/^Enter/);
    await closeDialog(page);
    await makeMask(page);
    await page.locator("footer kbd", { hasText: /^G$/ }).waitFor();
    await page.keyboard.press("Control+Enter");
    await page.locator("footer").getByText("This mask is not kept yet: G keeps it, Esc drops it, then finish.").waitFor();
    await page.keyboard.press("g");
    await waitFor(page, { points: "0", masks: "1" });
    await saved(page);

    await page.reload();
    await ready(page);
    await makeMask(page);
    await page.keyboard.press("g");
    await waitFor(page, { points: "0", masks: "2" });
    await openSheet(page);
    await page.getByRole("button", { name: "Reset all keys" }).click();
    await closeDialog(page);
    await makeMask(page);
    await page.keyboard.press("Enter");
    await waitFor(page, { points: "0", masks: "3" });
  });

  it("without Ctrl or Alt can be switched off; Escape leaves a key as it was", async () => {
    const { page } = await open();
    const { projectId } = await newProject(page, "Single keys", [302]);
    await startWork(page, projectId);
    await openSheet(page);
    await page.locator("[data-action-id=undo]").click();
    await page.keyboard.press("Escape");
    expect(await page.locator("[data-action-id=undo]").textContent()).toMatch(/^Ctrl\+Z/);
    const brush = page.getByRole("toolbar", { name: "Tools" }).getByRole("button", { name: "Brush" });
    expect(await brush.getAttribute("aria-keyshortcuts")).toBe("B");
    await page.getByRole("switch", { name: "Keys without Ctrl or Alt" }).press("Space");
    await closeDialog(page);
    expect(await brush.getAttribute("aria-keyshortcuts")).toBeNull();
    await page.keyboard.press("k");
    await makeMask(page);
    const chosen = await page.getByRole("radio", { checked: true }).getAttribute("aria-label");
    for (const key of ["1", "2", "3"]) {
      await page.keyboard.press(key);
      expect(await page.getByRole("radio", { checked: true }).getAttribute("aria-label")).toBe(chosen);
    }
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    expect(await page.getByRole("dialog").count()).toBe(0);
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("What do you want to do?").fill("all keys");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
  });
});

describe("all actions by name", () => {
  it("are found and done without a pointer: an action, an image, a page", async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "Palette", [311, 312, 313]);
    await startWork(page, projectId);
    await makeMask(page);
    await page.keyboard.press("Control+k");
    const search = page.getByPlaceholder("What do you want to do?");
    await search.waitFor();
    await expectAccessible(page);
    await search.fill("keep the mask");
    await page.locator("[data-action]").first().getByText("Enter", { exact: true }).waitFor();
    await search.fill("mask");
    for (const key of ["ArrowDown", "ArrowDown", "ArrowUp"]) await page.keyboard.press(key);
    const selected = page.getByRole("option", { selected: true });
    await selected.and(page.locator("[data-selected]")).waitFor();
    expect(await selected.textContent()).toBe(await page.getByRole("option").nth(1).textContent());
    expect(await page.getByRole("combobox").getAttribute("aria-activedescendant")).toBe(await selected.getAttribute("id"));
    await expectAccessible(page);
    await search.fill("keep the mask");
    await page.getByRole("option", { name: "keep the mask", selected: true }).waitFor();
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1", points: "0" });
    await saved(page);

    await page.keyboard.press("Control+k");
    await search.fill("palette 313");
    await page.getByText("Go to Palette 313.png").waitFor();
    await page.keyboard.press("Enter");
    await waitFor(page, { ready: "true", image: String(imageIds[2]) });
    await page.keyboard.press("Control+k");
    await search.fill("no such thing");
    await page.getByText("No action has this name.").waitFor();
    await search.fill("pages settings");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Guidelines" }).waitFor();
  });
});

describe("guidelines", () => {
  it("are written with a preview, and read beside the photo; whether they are folded is remembered", async () => {
    const { page, expectComplaint } = await open();
    expectComplaint(/ERR_FAILED/);
    const { projectId } = await newProject(page, "Guided", [321]);
    await page.goto(`/projects/${projectId}/settings`);
    await page.getByLabel("Guidelines in Markdown").fill("# Cells\n\nOne mask **each**, see [the paper](https://example.org/p). <b>no tags</b>");
    await page.getByRole("tab", { name: "Preview" }).click();
    await page.getByRole("heading", { name: "Cells" }).waitFor();
    await expectAccessible(page);

    await page.getByRole("link", { name: "Activity" }).click();
    const leaving = page.getByRole("dialog", { name: "These settings are not saved" });
    await leaving.getByRole("button", { name: "Stay here" }).click();
    // Refused, and said so where the text itself is not to be seen.
    await page.route(/\/api\/projects\/\d+$/, (route) => route.abort());
    await page.getByRole("button", { name: "Save guidelines" }).click();
    await page.getByRole("alert").getByText("Not saved").waitFor();
    await page.unroute(/\/api\/projects\/\d+$/);
    await page.getByRole("button", { name: "Save guidelines" }).click();
    await page.getByText("Guidelines saved").waitFor();
    await page.getByRole("alert").waitFor({ state: "detached" });
    await startWork(page, projectId);
    const panel = page.locator("[data-guidelines]");
    await panel.getByRole("heading", { name: "Cells" }).waitFor();
    expect(await panel.getByRole("link", { name: "the paper" }).getAttribute("rel")).toBe("noopener noreferrer nofollow");
    expect(await panel.textContent()).toContain("<b>no tags</b>");
    await expectAccessible(page);
    await page.keyboard.press("q");
    await panel.getByRole("heading", { name: "Cells" }).waitFor({ state: "detached" });
    await page.reload();
    await ready(page);
    expect(await panel.getByRole("button", { name: "Guidelines" }).getAttribute("aria-expanded")).toBe("false");
    await page.keyboard.press("q");
    await panel.getByRole("heading", { name: "Cells" }).waitFor();
  });
});

describe("the first minute", () => {
  it("is shown by doing it, once, and again when asked for", async () => {
    const { page } = await open();
    const { projectId } = await newProject(page, "Tour", [351, 352]);
    await startWork(page, projectId);
    const step = (name: string): Promise<void> => page.locator(`[data-tour=${name}]`).waitFor();
    await step("click");
    await expectAccessible(page);
    await makeMask(page);
    await step("correct");
    await click(page, 20, 20, "right");
    await waitFor(page, { points: "2" });
    await step("keep");
    await page.keyboard.press("Enter");
    await step("undo");
    await page.keyboard.press("Control+z");
    await step("finish");
    await page.keyboard.press("Control+Shift+z");
    await waitFor(page, { masks: "1", points: "0" });
    await page.getByText("1 mask, 1 this session").waitFor();
    await page.keyboard.press("Control+Enter");
    await waitFor(page, { ready: "true", masks: "0" });
    expect(await page.locator("[data-tour]").count()).toBe(0);
    await page.reload();
    await ready(page);
    expect(await page.locator("[data-tour]").count()).toBe(0);
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("What do you want to do?").fill("show me around");
    await page.keyboard.press("Enter");
    await step("click");
    await page.getByRole("button", { name: "Skip these hints" }).click();
    await page.locator("[data-tour]").waitFor({ state: "detached" });
  });
});

describe("typing", () => {
  it("never leaves the keys dead", async () => {
    const { page } = await open();
    const { projectId, imageIds } = await newProject(page, "Typing", [331]);
    for (const name of ["a", "b"]) await callApi(page, "POST", `/projects/${projectId}/categories`, { name });
    await startWork(page, projectId);
    await makeMask(page);
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1" });
    await page.keyboard.press(".");
    await page.getByRole("combobox").click();
    await page.getByRole("option", { name: "b" }).click();
    await page.keyboard.press("u");
    await page.locator("[data-flag=unsure][aria-pressed=true]").waitFor();
    await page.keyboard.press("c");
    await page.keyboard.type("um, u and d are letters here");
    await page.keyboard.press("Escape");
    await page.keyboard.press("y");
    await page.locator("[data-flag=crowd][aria-pressed=true]").waitFor();
    await saved(page);
    expect((await annotationsOf(page, imageIds[0] ?? 0))[0]).toMatchObject({ flags: ["unsure", "crowd"], comment: "um, u and d are letters here" });
    expect((await facts(page)).masks).toBe("1");
  });
});

describe("Escape", () => {
  it("closes what is open and leaves the mask that is being made", async () => {
    const { page } = await open({ decodes: "server" });
    const { projectId } = await newProject(page, "Escape", [309]);
    await callApi(page, "POST", `/projects/${projectId}/categories`, { name: "Cell" });
    await startWork(page, projectId);
    await makeMask(page);
    const opens: [() => Promise<void>, ReturnType<Page["locator"]>][] = [
      [() => page.keyboard.press("Shift+V"), page.getByRole("dialog", { name: "View" })],
      [() => page.keyboard.press("Shift+?"), page.getByRole("dialog", { name: "Keys" })],
      [() => page.locator("[data-work-stage]").click(), page.getByRole("menu")],
      [() => page.getByRole("combobox", { name: "Category of the next mask" }).click(), page.getByRole("listbox")],
    ];
    for (const [openIt, opened] of opens) {
      await openIt();
      await opened.waitFor();
      await page.keyboard.press("Escape");
      await opened.waitFor({ state: "hidden" });
      await waitFor(page, { points: "1" });
      await page.locator("[data-stage]").focus();
    }
    await page.keyboard.press("Escape");
    await waitFor(page, { points: "0" });
  });
});
