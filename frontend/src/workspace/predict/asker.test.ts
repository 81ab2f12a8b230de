import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Prompt } from "../../canvas/prompts";
import { ApiError, noAnswer } from "../../api/errors";
import { type Asked, createAsker } from "./asker";
import { type Answer, type Predictor, scoreWord, shownIndex } from "./predictor";

const point = (x: number): Prompt => ({ type: "point", x, y: 0, label: 1, candidate: null });
const answer = (name: string, ...scores: number[]): Answer => ({
  where: "server",
  modelVersion: name,
  masks: scores.map((predicted_iou) => ({ rle: { size: [1, 1], counts: "01" }, predicted_iou, stability_score: 1, area: 1, bbox_xywh: [0, 0, 1, 1] })),
  milliseconds: 1,
});

/** A predictor that answers when told to. */
function scripted() {
  const calls: { prompts: readonly Prompt[]; model: string | null; signal: AbortSignal; take: (answer: Answer) => void; fail: (error: unknown) => void }[] = [];
  const predictor: Predictor = {
    predict: (_, prompts, model, signal) => new Promise((take, fail) => calls.push({ prompts, model, signal, take, fail })),
  };
  const seen: Asked[] = [];
  const asker = createAsker(predictor, (asked) => seen.push(asked));
  return { asker, calls, now: () => seen.at(-1) };
}

const settle = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => undefined);
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("the latest question wins: the one before is cut off and its late answer dropped", async () => {
  const { asker, calls, now } = scripted();
  asker.ask(1, [point(1)]);
  asker.ask(1, [point(1), point(2)]);
  expect(calls[0]?.signal.aborted).toBe(true);
  calls[1]?.take(answer("second", 0.5));
  await settle();
  calls[0]?.take(answer("first", 0.5));
  await settle();
  expect(now()).toMatchObject({ isFresh: true, answer: { modelVersion: "second" } });
});

test("taking back a prompt needs no new call", async () => {
  const { asker, calls, now } = scripted();
  asker.ask(1, [point(1)]);
  calls[0]?.take(answer("one", 0.5));
  await settle();
  asker.ask(1, [{ ...point(1), candidate: 2 } as Prompt, point(2)]);
  calls[1]?.take(answer("two", 0.5));
  await settle();
  asker.ask(1, [point(1)]);
  expect(now()).toMatchObject({ isFresh: true, answer: { modelVersion: "one" } });
  expect(calls.length).toBe(2);
});

test("the answer before stays on screen while the next one is made, but is not fresh", async () => {
  const { asker, calls, now } = scripted();
  asker.ask(1, [point(1)]);
  calls[0]?.take(answer("one", 0.5));
  await settle();
  asker.ask(1, [point(1), point(2)]);
  expect(now()).toMatchObject({ isFresh: false, answer: { modelVersion: "one" }, state: { kind: "asking" } });
});

test("a model that is away is asked again after the time it names, and answers when it is back", async () => {
  const { asker, calls, now } = scripted();
  asker.ask(1, [point(1)]);
  calls[0]?.fail(new ApiError(503, "model_server_unavailable", "It is away.", { retryAfterSeconds: 2 }));
  await settle();
  expect(now()?.state).toEqual({ kind: "waiting", reason: "model" });
  await vi.advanceTimersByTimeAsync(1999);
  expect(calls.length).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  calls[1]?.fail(noAnswer());
  await settle();
  expect(now()?.state).toEqual({ kind: "waiting", reason: "network" });
  await vi.advanceTimersByTimeAsync(60_000);
  calls.at(-1)?.take(answer("back", 0.5));
  await settle();
  expect(now()).toMatchObject({ isFresh: true, state: { kind: "idle" }, answer: { modelVersion: "back" } });
});

test("what the server refuses is said, not repeated; without prompts nothing is shown", async () => {
  const { asker, calls, now } = scripted();
  asker.ask(1, [point(1)]);
  calls[0]?.fail(new ApiError(422, "point_outside_image", "Outside."));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(now()?.state).toMatchObject({ kind: "refused", message: "Outside." });
  expect(calls.length).toBe(1);
  asker.ask(1, []);
  expect(now()).toEqual({ state: { kind: "idle" }, answer: null, isFresh: false });
});

test("the best mask is shown until another one is chosen", () => {
  const three = answer("m", 0.4, 0.9, 0.6);
  expect([shownIndex(three, null), shownIndex(three, 0), shownIndex(answer("m", 0.3), 2)]).toEqual([1, 0, 0]);
  expect([scoreWord(0.9), scoreWord(0.75), scoreWord(0.3)]).toEqual(["good", "fair", "poor"]);
});

test("a model promoted meanwhile answers from the next image on, never within one", async () => {
  const { asker, calls } = scripted();
  asker.ask(1, [point(1)]);
  calls[0]?.take(answer("old", 0.5));
  await settle();
  asker.ask(1, [point(1), point(2)]);
  calls[1]?.take(answer("old", 0.5));
  await settle();
  asker.forget();
  asker.ask(2, [point(1)]);
  expect(calls.map(({ model }) => model)).toEqual([null, "old", null]);
});

test("a model that was taken away meanwhile is replaced by the one that is live", async () => {
  const { asker, calls, now } = scripted();
  asker.ask(1, [point(1)]);
  calls[0]?.take(answer("old", 0.5));
  await settle();
  asker.ask(1, [point(1), point(2)]);
  calls[1]?.fail(new ApiError(404, "unknown_model_version", "It is gone."));
  await settle();
  calls[2]?.take(answer("new", 0.5));
  await settle();
  expect(calls.map(({ model }) => model)).toEqual([null, "old", null]);
  expect(now()).toMatchObject({ isFresh: true, answer: { modelVersion: "new" } });
});
