// The journey of whoever starts a project: sign in by link, make it, drop photos on it, export it.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeCounts } from "../../frontend/src/canvas/masks/rle";
import { callApi, withBrowser, server } from "./browser";
import { dropPaths } from "./dragging";
import { picture } from "./pictures";
import { readZip, writeZip } from "./zip";

const { open } = withBrowser();
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

interface Images {
  items: { id: number; file_name: string; sha256: string; width: number; height: number }[];
}

describe("signing in", () => {
  it("works once by the printed link, and offers a password", async () => {
    const { page, expectComplaint } = await open({ as: null });
    expectComplaint(/401/);
    await page.goto(server().signInLink);
    await page.getByRole("heading", { name: /^You are signed in as/ }).waitFor();
    await page.getByRole("link", { name: "Not now" }).click();
    await page.getByRole("heading", { name: "Projects" }).waitFor();
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);

    const other = await open({ as: null });
    other.expectComplaint(/40[01]|410|422/);
    await other.page.goto(server().signInLink);
    await other.page.getByText("This link does not sign you in any more").waitFor();
  });

  it("works by password, says when it is wrong, and goes where one wanted to go", async () => {
    const { page, expectComplaint } = await open({ as: null });
    expectComplaint(/401/);
    const { email, password } = server().people.admin;
    await page.goto("/projects/1?state=skipped");
    await page.getByText("Sign-up is closed").waitFor();
    await page.getByLabel("Email").fill(email);
    await page.getByLabel("Password", { exact: true }).fill("not this one");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.keyboard.press("Enter");
    await page.getByText('No image is in the state "skipped"').waitFor();
    await page.getByLabel("Account of E2E admin").click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in to Segloop" }).waitFor();
  });
});

describe("from photos to a dataset", () => {
  const folder = mkdtempSync(join(tmpdir(), "segloop-photos-"));
  let projectUrl = "";

  beforeAll(() => {
    mkdirSync(join(folder, "trip/day 2"), { recursive: true });
    for (const seed of [1, 2, 3]) writeFileSync(join(folder, `photo ${seed}.png`), picture(seed));
    for (const seed of [4, 5]) writeFileSync(join(folder, `trip/day 2/${seed}.png`), picture(seed));
    writeFileSync(join(folder, "trip/.DS_Store"), "left by the system");
    writeFileSync(join(folder, "again.png"), picture(1));
    writeFileSync(join(folder, "broken.png"), picture(6).subarray(0, 400));
    writeFileSync(join(folder, "empty.jpg"), "");
    writeFileSync(join(folder, "more.zip"), writeZip({ "in/7.png": picture(7), "in/8.png": picture(8), "notes.txt": Buffer.from("no picture") }));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("makes a project, takes photos, a folder and a zip, and says what became of each file", async () => {
    const { page } = await open();
    await page.goto("/projects");
    await page.getByRole("button", { name: "Create project" }).click();
    await page.getByLabel("Name").fill("Holiday");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "No images yet" }).waitFor();
    projectUrl = page.url();

    const dropped = ["photo 1.png", "photo 2.png", "photo 3.png", "trip", "again.png", "broken.png", "empty.jpg", "more.zip"];
    await dropPaths(page, dropped.map((name) => join(folder, name)));
    await page.locator("[data-upload=done]").waitFor();
    const receipt = await page.locator("[data-upload]").innerText();
    expect(receipt).toContain("7 added, 1 already there, 3 refused");
    expect(receipt).toMatch(/broken\.png: .*\./);
    expect(receipt).toMatch(/empty\.jpg: .*empty/);
    expect(receipt).toContain("notes.txt");
    expect(receipt).toContain("1 system file of the folder left out");

    await page.locator(".tile").nth(6).waitFor();
    expect(await page.locator("a.tile").count()).toBe(7);
    await page.waitForFunction(() => {
      const shown = [...document.querySelectorAll<HTMLImageElement>(".tile img")];
      return shown.length === 7 && shown.every((image) => image.complete && image.naturalWidth > 0);
    });
    await page.getByText("0 of 7 images done").waitFor();
  });

  it("says that files were not taken while others are being sent", async () => {
    const { page } = await open();
    await page.goto(projectUrl);
    await page.locator("a.tile").nth(6).waitFor();
    let release = (): void => undefined;
    const isReleased = new Promise<void>((done) => (release = done));
    await page.route("**/api/projects/*/images", async (route) => {
      if (route.request().method() === "POST") await isReleased;
      await route.continue();
    });
    await dropPaths(page, [join(folder, "photo 1.png")]);
    await page.locator("[data-upload=sending]").waitFor();
    await dropPaths(page, [join(folder, "photo 2.png")]);
    await page.getByText("these files were not taken").waitFor();
    release();
    await page.locator("[data-upload=done]").waitFor();
  });

  it("filters by state in the address, and moves through the grid by keys", async () => {
    const { page } = await open();
    await page.goto(projectUrl);
    await page.locator("a.tile").first().focus();
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(() => document.activeElement?.getAttribute("data-index") === "1");
    await page.getByRole("navigation", { name: "Filter by state" }).getByText("Done").click();
    await page.getByText('No image is in the state "done"').waitFor();
    expect(page.url()).toContain("state=done");
    await page.reload();
    await page.getByText('No image is in the state "done"').waitFor();
    await page.goBack();
    await page.locator("a.tile").nth(6).waitFor();
  });

  it("exports, shows a receipt that is true, and hands over a sound zip", async () => {
    const { page } = await open();
    await page.goto(`${projectUrl}/exports`);
    const kept = await keepRectangle(page, projectUrl);
    await page.reload();
    const asking = page.waitForResponse((response) => response.request().method() === "POST" && response.url().endsWith("/exports"));
    await page.getByRole("button", { name: "Export dataset" }).click();
    const { id } = (await (await asking).json()) as { id: number };
    const card = page.locator(`[data-export="${id}"]`);
    await page.locator(`[data-export="${id}"][data-state=done]`).waitFor({ timeout: 60_000 });
    await card.getByText(/7 images, 1 mask, /).waitFor();

    const downloading = page.waitForEvent("download");
    await card.getByRole("link", { name: "Download" }).click();
    const zip = readFileSync(await (await downloading).path());
    expect(await card.getByLabel("sha256 of the .zip").inputValue()).toBe(sha256(zip));

    const members = readZip(zip);
    const manifest = JSON.parse(String(members.get("manifest.json"))) as { files: Record<string, unknown>[] };
    const listed = manifest.files.map((file) => Object.values(file).find((value) => typeof value === "string" && members.has(value)));
    expect(new Set(listed)).toEqual(new Set([...members.keys()].filter((name) => name !== "manifest.json")));
    for (const [index, file] of manifest.files.entries()) {
      const bytes = members.get(String(listed[index])) ?? Buffer.alloc(0);
      expect(file["sha256"]).toBe(sha256(bytes));
    }
    const dataset = JSON.parse(String(members.get("annotations.json"))) as {
      images: { id: number; file_name: string }[];
      annotations: { image_id: number; segmentation: unknown; iscrowd: number; area: number; bbox: number[] }[];
    };
    expect(dataset.images).toHaveLength(7);
    expect(dataset.annotations).toHaveLength(1);
    expect(dataset.annotations[0]).toMatchObject({ segmentation: kept.rle, iscrowd: 0, area: 60 * 40, bbox: [100, 80, 60, 40] });
    const originals = new Set([1, 2, 3, 4, 5, 7, 8].map((seed) => sha256(picture(seed))));
    const photos = [...members].filter(([name]) => name.startsWith("images/")).map(([, bytes]) => sha256(bytes));
    expect(new Set(photos)).toEqual(originals);
  });

  it("shows older exports when asked to", async () => {
    const { page } = await open();
    await page.goto(`${projectUrl}/exports`);
    const projectId = Number(projectUrl.split("/").at(-1));
    const { id } = await callApi<{ id: number }>(page, "POST", `/projects/${projectId}/exports`, { format: "sa1b", include_images: false });
    // The server's own pages, but of one export each instead of fifty.
    await page.route(/\/exports(\?.*)?$/, async (route) => {
      const url = new URL(route.request().url());
      if (url.pathname.startsWith("/api/")) url.searchParams.set("limit", "1");
      await route.continue({ url: String(url) });
    });
    await page.reload();
    await page.locator(`[data-export="${id}"]`).waitFor();
    expect(await page.locator("[data-export]").count()).toBe(1);
    await page.getByRole("button", { name: "Show older exports" }).click();
    await page.locator("[data-export]").nth(1).waitFor();
    await page.getByRole("button", { name: "Show older exports" }).waitFor({ state: "detached" });
    expect(await page.locator("[data-export]").count()).toBe(2);

    const made = page.locator(`[data-export="${id}"]`);
    await made.and(page.locator('[data-state="done"]')).waitFor();
    await made.getByRole("button", { name: "Delete" }).press("Enter");
    const hasFocus = page.locator(":focus");
    await hasFocus.and(made.getByRole("button", { name: "Keep it" })).press("Enter");
    await hasFocus.and(made.getByRole("button", { name: "Delete" })).press("Enter");
    await hasFocus.and(made.getByRole("button", { name: "Keep it" })).press("Tab");
    await hasFocus.and(made.getByRole("button", { name: "Delete for good" })).press("Enter");
    await made.waitFor({ state: "detached" });
  });

  it("says so on an open page when the project is deleted elsewhere, and when its name was typed to delete it", async () => {
    const { page, expectComplaint } = await open();
    expectComplaint(/410/);
    await page.goto("/projects");
    const doomed = await callApi<{ id: number }>(page, "POST", "/projects", { name: "Doomed" });
    await page.goto(`/projects/${doomed.id}/settings`);
    await page.getByRole("heading", { name: "Categories" }).waitFor();
    await page.getByPlaceholder("New category").fill("cat");
    await callApi(page, "DELETE", `/projects/${doomed.id}`);
    await page.keyboard.press("Enter"); // unless the page has heard of it before
    await page.getByRole("heading", { name: "This project has been deleted" }).waitFor();

    const other = await callApi<{ id: number }>(page, "POST", "/projects", { name: "Doomed too" });
    await page.goto(`/projects/${other.id}/settings`);
    await page.getByRole("button", { name: "Delete project" }).click();
    const confirm = page.getByRole("dialog").getByRole("button", { name: "Delete project" });
    expect(await confirm.isDisabled()).toBe(true);
    await page.getByLabel("Name of the project").fill("Doomed too");
    await confirm.click();
    await page.getByRole("heading", { name: "Projects" }).waitFor();
    await page.getByText('Project "Doomed too" deleted').waitFor();
    await page.getByRole("button", { name: "Restore Doomed too" }).click();
    await page.getByText("Doomed too is back.").waitFor();
    await page.locator(`a[href="/projects/${other.id}"]`).waitFor();
    await page.getByRole("button", { name: "Restore Doomed too" }).waitFor({ state: "detached" });
  });
});

/** Keeps one rectangle as a mask of the project's first image, through the API. */
async function keepRectangle(page: Page, projectUrl: string): Promise<{ rle: { size: number[]; counts: string } }> {
  const projectId = Number(projectUrl.split("/").at(-1));
  const image = (await callApi<Images>(page, "GET", `/projects/${projectId}/images`)).items[0];
  if (image === undefined) throw new Error("the project has no image");
  const [x, y, width, height] = [100, 80, 60, 40];
  const below = image.height - height;
  const runs = [x * image.height + y, ...Array.from({ length: 2 * width - 1 }, (_, index) => (index % 2 === 0 ? height : below))];
  const used = runs.reduce((sum, run) => sum + run, 0);
  const rle = { size: [image.height, image.width], counts: encodeCounts([...runs, image.height * image.width - used]) };
  await callApi(page, "POST", `/images/${image.id}/annotations`, {
    rle, prompts: [], category_id: null, clicks: 0, active_seconds: 1.5, model_version: null, candidate: null, proposal: null, work_item_id: null,
  }, { "Idempotency-Key": "the rectangle" });
  return { rle };
}
