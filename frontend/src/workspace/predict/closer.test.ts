import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../../api/errors";
import type { Prompt } from "../../canvas/prompts";
import type { PredictOut, predict } from "../server";
import { createCloser, type View } from "./closer";
import type { Answer, Predictor } from "./predictor";

type Part = [number, number, number, number];
const IMAGE = { width: 1000, height: 800 };
const PART: Part = [500, 400, 750, 600];
const point = (x: number, y: number): Prompt => ({ type: "point", x, y, label: 1, candidate: null });
const seen = (x1: number, y1: number, x2: number, y2: number, imageId = 1): View => ({ imageId, image: IMAGE, box: { x1, y1, x2, y2 } });
const SMALL = seen(560, 420, 700, 520);

/** A server whose part is ready at the given call, and what it was asked. */
function served(readyAt: number, is_part_pending = true) {
  const asked: { prompts: readonly unknown[]; view: Part | null | undefined }[] = [];
  const ask: typeof predict = (_, prompts, __, ___, view) => {
    asked.push({ prompts, view });
    const part_xyxy = asked.length >= readyAt ? PART : null;
    return Promise.resolve({ model_version: "m", part_xyxy, is_part_pending: is_part_pending && part_xyxy === null, masks: [], timings_ms: { total: 1, queue: 0, encode: 0, decode: 1, encode_mask: 0 } });
  };
  return { ask, asked };
}
const wholeAnswer: Answer = { where: "browser", modelVersion: "m", masks: [], milliseconds: 1 };
const whole: Predictor = { predict: () => Promise.resolve(wholeAnswer) };
const signal = new AbortController().signal;
const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("zoomed in and at rest, the part is made ready and then answers what lies in it", async () => {
  const { ask, asked } = served(3);
  const closer = createCloser(whole, ask);
  closer.look(SMALL);
  expect(asked.length).toBe(0);
  await pass(250);
  expect(asked.map(({ view }) => view)).toEqual([[560, 420, 700, 520]]);
  expect(await closer.predict(1, [point(630, 470)], "m", signal)).toBe(wholeAnswer);
  await pass(1200);
  expect(closer.part()).toEqual({ x1: 500, y1: 400, x2: 750, y2: 600 });
  expect(await closer.predict(1, [point(630, 470)], "m", signal)).toMatchObject({ where: "server", isCloser: true });
  expect(await closer.predict(1, [point(20, 20)], "m", signal)).toBe(wholeAnswer);
  await pass(10_000);
  expect(asked.length).toBe(4);
});

test("a photo too small for a closer part is asked about once", async () => {
  const { ask, asked } = served(Infinity, false);
  createCloser(whole, ask).look(SMALL);
  await pass(600_000);
  expect(asked.length).toBe(1);
});

test("a part that is never made ready is not asked for for ever", async () => {
  const { ask, asked } = served(Infinity);
  createCloser(whole, ask).look(SMALL);
  await pass(600_000);
  expect(asked.length).toBe(7);
});

test("while the view moves nothing is asked, and a wide view never asks", async () => {
  const { ask, asked } = served(1);
  const closer = createCloser(whole, ask);
  for (let x = 0; x < 10; x++) {
    closer.look(seen(x, 0, x + 100, 100));
    await pass(100);
  }
  closer.look(seen(0, 0, 900, 700));
  await pass(10_000);
  expect(asked.length).toBe(0);
});

test("moving on within the part keeps it; another photo, or zooming out, does not", async () => {
  const { ask } = served(1);
  const closer = createCloser(whole, ask);
  closer.look(SMALL);
  await pass(250);
  closer.look(seen(600, 450, 740, 560));
  expect(closer.part()).not.toBeNull();
  closer.look(seen(0, 0, 1000, 800));
  expect(await closer.predict(1, [point(630, 470)], "m", signal)).toBe(wholeAnswer);
  closer.look({ ...SMALL, imageId: 2 });
  expect(closer.part()).toBeNull();
});

test("a server that fails leaves the whole photo answering", async () => {
  let isBroken = false;
  const { ask } = served(1);
  const closer = createCloser(whole, (...given) => (isBroken ? Promise.reject(new ApiError(503, "model_server_unavailable", "away")) : ask(...given)));
  closer.look(SMALL);
  await pass(250);
  isBroken = true;
  expect(await closer.predict(1, [point(630, 470)], "m", signal)).toBe(wholeAnswer);
  closer.look(seen(100, 100, 200, 200));
  await pass(10_000);
  expect(await closer.predict(1, [point(150, 150)], "m", signal)).toBe(wholeAnswer);
});

const RLE: PredictOut["masks"][number]["rle"] = { size: [IMAGE.height, IMAGE.width], counts: "0" };
const answering = (bbox_xywh: Part): Predictor => ({
  predict: () =>
    Promise.resolve({ ...wholeAnswer, masks: [{ rle: RLE, predicted_iou: 0.5, stability_score: 1, area: bbox_xywh[2] * bbox_xywh[3], bbox_xywh }] }),
});
const FITTED = seen(0, 0, 1000, 800);

test("a small object that is corrected is encoded with its surroundings, and the next click is answered by them", async () => {
  const { ask, asked } = served(2);
  const closer = createCloser(answering([610, 450, 40, 40]), ask);
  closer.look(FITTED);
  expect(await closer.predict(1, [point(630, 470)], "m", signal)).toMatchObject({ where: "browser" });
  await pass(10_000);
  expect(asked.length).toBe(0);
  const two = [point(630, 470), point(640, 470)];
  expect(await closer.predict(1, two, "m", signal)).toMatchObject({ where: "browser" });
  await pass(400);
  expect(asked.map(({ view }) => view)).toEqual([[550, 390, 710, 550], [550, 390, 710, 550]]);
  closer.look(seen(1, 0, 1000, 800));
  expect(closer.part()).toBeNull();
  expect(asked.length).toBe(2);
});

test("the surroundings answer while the object is corrected, not the next object", async () => {
  const { ask } = served(1);
  const closer = createCloser(answering([610, 470, 30, 30]), ask);
  closer.look(FITTED);
  const two = [point(630, 470), point(640, 470)];
  await closer.predict(1, two, "m", signal);
  await pass(0);
  expect(closer.part()).toEqual({ x1: 500, y1: 400, x2: 750, y2: 600 });
  expect(await closer.predict(1, [...two, point(625, 480)], "m", signal)).toMatchObject({ where: "server", isCloser: true });
  expect(await closer.predict(1, [...two, point(20, 20)], "m", signal)).toMatchObject({ where: "browser" });
  await closer.predict(1, two, "m", signal);
  expect(await closer.predict(1, [point(640, 480)], "m", signal)).toMatchObject({ where: "browser" });
  expect(closer.part()).toBeNull();
});

test("a large object, an empty answer and another photo ask for nothing", async () => {
  const { ask, asked } = served(1);
  for (const box of [[100, 100, 300, 80], [0, 0, 0, 0]] satisfies Part[]) {
    const closer = createCloser(answering(box), ask);
    closer.look(FITTED);
    await closer.predict(1, [point(1, 1), point(2, 2)], "m", signal);
  }
  const closer = createCloser(answering([610, 450, 40, 40]), ask);
  closer.look(FITTED);
  await closer.predict(2, [point(1, 1), point(2, 2)], "m", signal);
  await pass(10_000);
  expect(asked.length).toBe(0);
});
