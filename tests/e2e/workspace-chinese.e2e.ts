// The workspace in Chinese: nothing on it is left in English, axe finds nothing, and what cannot be done is quiet.
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { click, newProject, saved, startWork, waitFor } from "./annotate-stage";
import { expectAccessibleInBothSchemes, withBrowser } from "./browser";

const { open } = withBrowser();

/** Texts and labels with English words; the names of files and keys are the same in every language. */
const englishOn = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const labels = [...document.querySelectorAll(":is([aria-label], [title], [placeholder]):not([aria-hidden=true])")].flatMap((element) =>
      ["aria-label", "title", "placeholder"].map((name) => element.getAttribute(name) ?? ""),
    );
    const texts = document.body.innerText.split("\n");
    const names = /\.png|Ctrl|Shift|Enter|Esc|Delete|Backspace|IoU|nano-[0-9a-f]+|float(?:16|32)|uint8/g;
    return [...new Set([...labels, ...texts])].filter((text) => /[a-z]{2}/i.test(text.replace(names, "")));
  });

it("is annotated in", async () => {
  const { page } = await open();
  await page.addInitScript(() => localStorage.setItem("segloop-language", "zh-CN"));
  const { projectId } = await newProject(page, "细胞", [381]);
  await startWork(page, projectId);
  expect(await page.locator("html").getAttribute("lang")).toBe("zh-CN");
  const undo = page.getByRole("toolbar", { name: "工具" }).getByRole("button", { name: "撤销" });
  expect(await undo.isDisabled()).toBe(true);
  expect(await undo.evaluate((button) => getComputedStyle(button).backgroundColor)).toBe("rgba(0, 0, 0, 0)");
  await click(page, 160, 120);
  await waitFor(page, { points: "1", candidates: "3" });
  await page.getByRole("button", { name: "撤销：目标内的点" }).waitFor();
  await page.getByRole("button", { name: "保留掩码" }).click();
  await waitFor(page, { points: "0", masks: "1" });
  await page.locator("[data-save=saved]", { hasText: "已保存" }).waitFor();
  await page.keyboard.press(".");
  await page.getByLabel("给审核员的备注").waitFor();
  await expectAccessibleInBothSchemes(page);
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("您想做什么？").fill("按键");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "快捷键" }).getByText("右键单击").waitFor();
  await expectAccessibleInBothSchemes(page);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await saved(page);
  expect(await englishOn(page)).toEqual([]);
});
