// The workspace's budgets in real Chromium, with the real server and `nano`. Wall times hold for the machine as loaded as
// the table says; processor times ("CPU ms") hardly depend on that. The page may not judge by what decoding takes on a busy
// machine: it decodes, and looks ahead at each move. SEGLOOP_BENCH_IMAGES: photos of the memory run.
import type { Page } from "playwright-core";
import { afterAll, expect, it } from "vitest";
import { asIfAlone } from "../e2e/alone";
import { facts, newProject, ready, saved, startWork, waitFor, windowPoint } from "../e2e/annotate-stage";
import { callApi, type OpenOptions, withBrowser, server } from "../e2e/browser";
import { picture } from "../e2e/pictures";
import { blobs } from "./page.blobs";
import { frameIntervals, memoryOf, nowIn, partsOf, probed, traced } from "./page.probes";
import { note, say, slope, table } from "./page.table";

const browser = withBrowser();
const REPEATS = 20;
const MEMORY_IMAGES = Number(process.env["SEGLOOP_BENCH_IMAGES"] ?? 200);
const SETTLED_AFTER = 20;
const EXPORT_MS = 600_000;
const [WIDTH, HEIGHT] = [640, 480];

afterAll(() => say("", table(), ""));

async function open(options: OpenOptions = {}): Promise<Page> {
  const { page, context } = await browser.open(options);
  await asIfAlone(context);
  await probed(context);
  return page;
}

const decodesInBrowser = (page: Page): Promise<void> => page.locator("[data-decoding=browser]").waitFor({ timeout: EXPORT_MS });

/** Does it, and gives the milliseconds from the input of this name to the next new picture on the preview layer. */
async function toPaint(page: Page, input: string, act: () => Promise<void>): Promise<number | null> {
  const before = await nowIn(page);
  await act();
  const painted = await page
    .waitForFunction(({ input, before }) => {
      const at = window.probe.inputs[input] ?? 0;
      const paint = window.probe.paints.find((time) => time > at);
      return at > before && paint !== undefined ? paint - at : null;
    }, { input, before }, { timeout: 5000 })
    .catch(() => null); // the same mask as before: nothing new to paint
  return painted === null ? null : ((await painted.jsonValue()) ?? null);
}

/** Milliseconds from the last key to the frame with this fact. */
async function fromKey(page: Page, name: string, isIt: (value: string) => boolean): Promise<number> {
  const [key, changes] = await page.evaluate(() => [window.probe.inputs["keydown"] ?? 0, window.probe.facts] as const);
  const change = changes.find((fact) => fact.at >= key && fact.name === name && isIt(fact.value));
  return change === undefined ? NaN : change.at - key;
}

const placeOf = (i: number): [number, number] => [WIDTH * (0.1 + 0.8 * ((i * 0.37) % 1)), HEIGHT * (0.1 + 0.8 * ((i * 0.61) % 1))];

async function clicks(page: Page): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    await page.mouse.move(...(await windowPoint(page, ...placeOf(i))));
    await waitFor(page, {});
    const time = await toPaint(page, "pointerdown", async () => {
      await page.mouse.down();
      await page.mouse.up();
    });
    if (time !== null) times.push(time);
    await waitFor(page, { points: "1" });
    await page.keyboard.press("Escape");
    await waitFor(page, { points: "0" });
  }
  return times;
}

it("load, hover and click, decoded in the browser", { timeout: EXPORT_MS + 300_000 }, async () => {
  const page = await open();
  const { projectId } = await newProject(page, "Bench browser", [1, 2], [WIDTH, HEIGHT]);
  await startWork(page, projectId);
  await decodesInBrowser(page);

  const [usable, modelReady]: [number[], number[]] = [[], []];
  const loading = await traced(page, async () => {
    for (let i = 0; i < 5; i++) {
      await page.reload();
      await ready(page);
      await decodesInBrowser(page);
      const times = await page.evaluate(() => window.probe.facts);
      usable.push(times.find(({ name, value }) => name === "data-ready" && value === "true")?.at ?? NaN);
      modelReady.push(times.find(({ name, value }) => name === "data-decoding" && value === "browser")?.at ?? NaN);
    }
  });
  note("load to usable, warm cache (1500)", "ms", usable);
  note("load to model ready, warm cache (3000)", "ms", modelReady);
  note("loading: longest tasks", "CPU ms", loading.tasks.slice(0, 5));
  note("loading: workers, once", "CPU ms", [loading.workers / 5]);
  say(...loading.long);

  const hovers: number[] = [];
  const hovering = await traced(page, async () => {
    for (let i = 0; i < REPEATS; i++) {
      const place = await windowPoint(page, ...placeOf(i));
      const time = await toPaint(page, "pointermove", () => page.mouse.move(...place));
      if (time !== null) hovers.push(time);
    }
  });
  note("hover to paint (50 / 100)", "ms", hovers);
  note("hovering: longest tasks", "CPU ms", hovering.tasks.slice(0, 5));
  note("hovering: workers, a look", "CPU ms", [hovering.workers / REPEATS]);

  const times: number[] = [];
  const clicking = await traced(page, async () => void times.push(...(await clicks(page))));
  note("click to mask, browser (150)", "ms", times);
  note("clicking: longest tasks", "CPU ms", clicking.tasks.slice(0, 5));
  note("clicking: workers, a click with the looks before it", "CPU ms", [clicking.workers / REPEATS]);
  say(...hovering.long, ...clicking.long);
});

it("click to mask, decoded on the server", { timeout: 300_000 }, async () => {
  const page = await open({ decodes: "server" });
  const { projectId } = await newProject(page, "Bench server", [3], [WIDTH, HEIGHT]);
  await startWork(page, projectId);
  await clicks(page); // the first makes the embedding
  note("click to mask, server (400)", "ms", await clicks(page));
});

/** Milliseconds between the frames of one stroke to and fro over the photo. */
async function stroke(page: Page, name: string): Promise<void> {
  const [x0, y0] = await windowPoint(page, 0, 0);
  const [x1, y1] = await windowPoint(page, WIDTH, HEIGHT);
  const at = (x: number, y: number): [number, number] => [x0 + x * (x1 - x0), y0 + y * (y1 - y0)];
  const frames: number[] = [];
  const painting = await traced(page, async () => {
    await page.mouse.move(...at(0.1, 0.5));
    await page.mouse.down();
    const move = async (): Promise<void> => {
      for (let i = 0; i < 120; i++) await page.mouse.move(...at(0.1 + i / 150, 0.5 + 0.4 * Math.sin(i / 8)));
    };
    frames.push(...(await frameIntervals(page, move)));
    await page.mouse.up();
  });
  note(`${name}: between frames (16.7)`, "ms", frames);
  note(`${name}: longest tasks`, "CPU ms", painting.tasks.slice(0, 5));
}

it("a brush stroke and undo", { timeout: 300_000 }, async () => {
  const page = await open();
  const { projectId } = await newProject(page, "Bench brush", [4], [WIDTH, HEIGHT]);
  await startWork(page, projectId);
  await page.keyboard.press("b");
  await stroke(page, "brush");
  await waitFor(page, { edited: "true" });
  const undone: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1" });
    await page.keyboard.press("Control+z");
    await waitFor(page, { masks: "0" });
    undone.push(await fromKey(page, "data-masks", (value) => value === "0"));
  }
  note("undo (16.7)", "ms", undone);
});

it("a brush stroke that spares other masks, and one inside a mask", { timeout: 300_000 }, async () => {
  const page = await open({ decodes: "server" });
  const { projectId, imageIds } = await newProject(page, "Bench rules", [5], [WIDTH, HEIGHT]);
  for (const rle of blobs(30, WIDTH, HEIGHT)) await callApi(page, "POST", `/images/${imageIds[0]}/annotations`, { rle });
  await startWork(page, projectId);
  await waitFor(page, { masks: "30" });
  await page.keyboard.press("b");
  await page.getByLabel("Spare other masks").check();
  await stroke(page, "brush that spares 30 masks");
  await page.keyboard.press("Escape");
  await waitFor(page, { points: "0" });
  await page.getByLabel("Spare other masks").uncheck();
  await page.getByLabel("Only inside the selected mask").check();
  await page.keyboard.press(".");
  await stroke(page, "brush inside a mask");
});

it("the next photo, fetched ahead", { timeout: 600_000 }, async () => {
  const page = await open();
  const { projectId, imageIds } = await newProject(page, "Bench next", Array.from({ length: 12 }, (_, i) => 30 + i), [1600, 1200]);
  const fetched: string[] = [];
  page.on("requestfinished", (request) => fetched.push(new URL(request.url()).pathname));
  await startWork(page, projectId);
  await decodesInBrowser(page);
  const times: number[] = [];
  const server: number[] = [];
  page.on("requestfinished", (request) => {
    if (request.url().endsWith("/work/next")) server.push(request.timing().responseEnd);
  });
  const going = await traced(page, async () => {
    for (let i = 0; i + 1 < imageIds.length; i++) {
      const { image } = await facts(page);
      const upcoming = imageIds[imageIds.indexOf(Number(image)) + 1];
      await expect.poll(() => fetched.includes(`/api/images/${upcoming}/embedding`), { timeout: 60_000 }).toBe(true);
      await decodesInBrowser(page);
      await page.keyboard.press("Control+Enter");
      await page.waitForFunction((before) => document.querySelector<HTMLElement>("[data-stage]")?.dataset["image"] !== before, image);
      await ready(page);
      const shown = await fromKey(page, "data-image", (value) => value !== image);
      // It may have been ready all the while: the next photo takes the place of the last one in a single step.
      const usable = await fromKey(page, "data-ready", (value) => value === "true");
      times.push(Number.isNaN(usable) ? shown : Math.max(shown, usable));
      await saved(page); // the server has heard of it, behind the photo
    }
  });
  note("next photo, fetched ahead (100)", "ms", times);
  note("next photo: finished and lent by the server, behind it", "ms", server);
  note("next photo: longest tasks", "CPU ms", going.tasks.slice(0, 10));
  say(...going.long);
});

it("300 masks on 24 megapixels", { timeout: 900_000 }, async () => {
  const page = await open({ decodes: "server" });
  const [width, height] = [6000, 4000];
  const { projectId, imageIds } = await newProject(page, "Bench large", [70], [width, height]);
  const masks = blobs(300, width, height);
  for (let i = 0; i < masks.length; i += 30) {
    await Promise.all(masks.slice(i, i + 30).map((rle) => callApi(page, "POST", `/images/${imageIds[0]}/annotations`, { rle })));
  }
  const opening = await traced(page, async () => {
    await startWork(page, projectId);
    await waitFor(page, { masks: "300" });
  });
  note("300 masks: longest tasks of loading", "CPU ms", opening.tasks.slice(0, 5));
  say(...opening.long);

  const [x, y] = await windowPoint(page, width / 2, height / 2);
  for (const where of ["at fit", "close"] as const) {
    await page.mouse.move(x, y);
    if (where === "close") for (let i = 0; i < 8; i++) await page.mouse.wheel(0, -300);
    await waitFor(page, { masks: "300" });
    const [panFrames, zoomFrames]: [number[], number[]] = [[], []];
    const panning = await traced(page, async () => {
      await page.mouse.down({ button: "middle" });
      const pan = async (): Promise<void> => {
        for (let i = 0; i < 120; i++) await page.mouse.move(x + 150 * Math.sin(i / 10), y + 100 * Math.sin(i / 7));
      };
      panFrames.push(...(await frameIntervals(page, pan)));
      await page.mouse.up({ button: "middle" });
    });
    note(`300 masks, pan ${where}: between frames (16.7)`, "ms", panFrames);
    note(`300 masks, pan ${where}: longest tasks`, "CPU ms", panning.tasks.slice(0, 5));
    const zooming = await traced(page, async () => {
      const zoom = async (): Promise<void> => {
        for (let i = 0; i < 120; i++) await page.mouse.wheel(0, i % 60 < 30 ? -40 : 40);
      };
      zoomFrames.push(...(await frameIntervals(page, zoom)));
      await waitFor(page, { masks: "300" });
    });
    note(`300 masks, zoom ${where}: between frames (16.7)`, "ms", zoomFrames);
    note(`300 masks, zoom ${where}: longest tasks`, "CPU ms", zooming.tasks.slice(0, 5));
    say(...panning.long, ...zooming.long);
  }
});

it(`memory over ${MEMORY_IMAGES} photos`, { timeout: 3_600_000 }, async () => {
  const page = await open();
  const { projectId } = await newProject(page, "Bench memory", []);
  for (let i = 0; i < MEMORY_IMAGES; i += 50) {
    const form = new FormData();
    for (let j = i; j < Math.min(MEMORY_IMAGES, i + 50); j++) form.append("files", new File([new Uint8Array(picture(j, 300 + Math.floor(j / 200), 150))], `${j}.png`, { type: "image/png" }));
    const answer = await page.request.post(`/api/projects/${projectId}/images`, { multipart: form, headers: { Origin: server().baseUrl } });
    expect(answer.ok(), await answer.text()).toBe(true);
  }
  await startWork(page, projectId);
  await decodesInBrowser(page); // the runtime's own memory is there from the beginning
  const [heap, resident, held]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < MEMORY_IMAGES; i++) {
    await page.mouse.click(...(await windowPoint(page, 100, 75)));
    await waitFor(page, { points: "1" });
    await page.keyboard.press("Enter");
    await waitFor(page, { masks: "1" });
    if (i >= SETTLED_AFTER && i % 5 === 0) {
      const memory = await memoryOf(page);
      heap.push(memory.heap);
      resident.push(memory.process);
    }
    if (i >= SETTLED_AFTER && i % 20 === 0) {
      const { all, workers, parts } = await partsOf(page);
      held.push(all);
      say(`photo ${i}: ${all.toFixed(1)} MiB, ${workers.toFixed(1)} of workers (${parts.join("; ")}), process ${(resident.at(-1) ?? 0).toFixed(0)} MiB`);
    }
    const { image } = await facts(page);
    await page.keyboard.press("Control+Enter");
    if (i + 1 === MEMORY_IMAGES) break;
    await page.waitForFunction((before) => document.querySelector<HTMLElement>("[data-stage]")?.dataset["image"] !== before, image);
    await ready(page);
  }
  note("memory: JavaScript heap", "MiB", heap);
  note("memory: process of the page", "MiB", resident);
  note("memory: page and workers", "MiB", held);
  note("memory: page and workers a photo more", "KiB", [(1024 * slope(held)) / 20]);
  note("memory: heap a photo more", "KiB", [(1024 * slope(heap)) / 5]);
  note("memory: process a photo more", "KiB", [(1024 * slope(resident)) / 5]);
});
