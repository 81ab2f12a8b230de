// The stage of the workspace, driven and read as a hand and an eye would: image points to the pointer, pixels back.
import { PNG } from "pngjs";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { callApi, server } from "./browser";
import { picture } from "./pictures";

export interface Facts {
  ready: string;
  busy: string;
  image: string;
  /** The image that is at hand to come next. */
  next: string;
  masks: string;
  points: string;
  /** Whether the mask being made was changed by hand after its last prompt. */
  edited: string;
  /** How many steps can be undone. */
  steps: string;
  proposals: string;
  /** The number of the selected mask. */
  selected: string;
  candidates: string;
  scale: string;
  left: string;
  top: string;
}

export interface AnnotationFact {
  id: number;
  area: number;
  prompts: { type: string; x?: number; y?: number; label?: number; candidate: number | null }[];
  clicks: number;
  active_seconds: number;
  candidate: number | null;
  category_id: number | null;
  model_version: string | null;
  proposal: { predicted_iou: number } | null;
  state: string;
  origin: string;
  revision: number;
  rle: { size: number[]; counts: string };
}

const STAGE = "[data-stage]";

export const facts = (page: Page): Promise<Facts> =>
  page.locator(STAGE).evaluate((stage) => ({ ...(stage as HTMLElement).dataset }) as unknown as Facts);

/** Waits until the stage says what is expected and has nothing left to do. */
export async function waitFor(page: Page, expected: Partial<Facts>): Promise<void> {
  const wanted = { busy: "false", ...expected };
  await page
    .waitForFunction(
      ({ selector, wanted }) => {
        const stage = document.querySelector<HTMLElement>(selector);
        return Object.entries(wanted).every(([name, value]) => stage?.dataset[name] === value);
      },
      { selector: STAGE, wanted },
      { timeout: 60_000 },
    )
    .catch(async () => expect(await facts(page)).toMatchObject(wanted));
}

export const ready = (page: Page): Promise<void> => waitFor(page, { ready: "true" });

/** Where a point of the image is in the window. */
export async function windowPoint(page: Page, x: number, y: number): Promise<[number, number]> {
  const box = await page.locator(STAGE).boundingBox();
  const { scale, left, top } = await facts(page);
  if (box === null) throw new Error("no stage");
  return [box.x + Number(left) + x * Number(scale), box.y + Number(top) + y * Number(scale)];
}

export async function click(page: Page, x: number, y: number, button: "left" | "right" = "left"): Promise<void> {
  await page.mouse.click(...(await windowPoint(page, x, y)), { button });
}

export async function drag(page: Page, from: [number, number], to: [number, number]): Promise<void> {
  await page.mouse.move(...(await windowPoint(page, ...from)));
  await page.mouse.down();
  await page.mouse.move(...(await windowPoint(page, ...to)), { steps: 6 });
  await page.mouse.up();
}

/** The colour (red, green, blue, opacity) of one layer at an image point. */
export async function layerPixel(page: Page, layer: string, x: number, y: number): Promise<number[]> {
  const { scale, left, top } = await facts(page);
  const at = { layer, x: Number(left) + x * Number(scale), y: Number(top) + y * Number(scale) };
  return page.evaluate(({ layer, x, y }) => {
    const canvas = document.querySelector<HTMLCanvasElement>(`canvas[data-layer=${layer}]`);
    const data = canvas?.getContext("2d", { willReadFrequently: true })?.getImageData(Math.round(x), Math.round(y), 1, 1).data;
    return [...(data ?? [])];
  }, at);
}

/** The colour on the screen at an image point. */
export async function screenPixel(page: Page, x: number, y: number): Promise<number[]> {
  const [left, top] = (await windowPoint(page, x, y)).map(Math.round);
  const png = PNG.sync.read(await page.screenshot({ clip: { x: left ?? 0, y: top ?? 0, width: 1, height: 1 } }));
  return [...png.data.subarray(0, 3)];
}

/** Decides whether a pixel lies in a mask, from COCO's string alone, without the code under test. */
export function isInMask({ size, counts }: AnnotationFact["rle"], x: number, y: number): boolean {
  const position = x * (size[0] ?? 0) + y;
  const runs: number[] = [];
  for (let i = 0, end = 0; i < counts.length; ) {
    let [value, shift, char] = [0, 0, 0];
    do {
      char = counts.charCodeAt(i++) - 48;
      value |= (char & 31) << shift;
      shift += 5;
    } while (char & 32);
    if (char & 16) value |= -1 << shift;
    if (runs.length > 2) value += runs.at(-2) ?? 0;
    runs.push(value);
    end += value;
    if (position < end) return runs.length % 2 === 0;
  }
  return false;
}

export interface Place {
  projectId: number;
  imageIds: number[];
}

/** A project of its own with pictures in it. */
export async function newProject(
  page: Page,
  name: string,
  seeds: number[],
  size: [number, number] = [320, 240],
  radius = size[1] / 4,
): Promise<Place> {
  const { id } = await callApi<{ id: number }>(page, "POST", "/projects", { name, description: "" });
  for (const seed of seeds) {
    const file = { name: `${name} ${seed}.png`, mimeType: "image/png", buffer: picture(seed, ...size, radius) };
    const answer = await page.request.post(`/api/projects/${id}/images`, { multipart: { files: file }, headers: { Origin: server().baseUrl } });
    expect(answer.ok(), await answer.text()).toBe(true);
  }
  const { items } = await callApi<{ items: { id: number }[] }>(page, "GET", `/projects/${id}/images`);
  return { projectId: id, imageIds: items.map((image) => image.id).sort((a, b) => a - b) };
}

export async function annotationsOf(page: Page, imageId: number): Promise<AnnotationFact[]> {
  return (await callApi<{ items: AnnotationFact[] }>(page, "GET", `/images/${imageId}/annotations`)).items;
}

/** Opens the workspace at the project's next photo. */
export async function startWork(page: Page, projectId: number): Promise<void> {
  await page.goto(`/projects/${projectId}/annotate`);
  await ready(page);
}

export const saved = (page: Page): Promise<void> => page.locator("[data-save=saved]").waitFor();
