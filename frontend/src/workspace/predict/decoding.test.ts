// Who answers: the browser when it is ready, the server before, beside and after it; and what waits for what.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Prompt } from "../../canvas/prompts";
import { createBrowserDecoder, type Port } from "./browser";
import { createDecoding } from "./decoding";
import type { Predictor } from "./predictor";
import type { DecodeAnswer, DecodeRequest } from "./protocol";

const point = (x: number): Prompt => ({ type: "point", x, y: 0, label: 1, candidate: null });
const rle = { size: [1, 1], counts: "01" };
const masks = [{ rle, predicted_iou: 0.5, stability_score: 1, area: 1, bbox_xywh: [0, 0, 1, 1] as [number, number, number, number] }];

type AnswerTo = (request: DecodeRequest) => Partial<DecodeAnswer> & { kind: DecodeAnswer["kind"] };
const usual: AnswerTo = (request) => {
  if (request.kind === "prepare") return { kind: "prepared", prepared: { imageId: request.imageId, modelVersion: "nano-1", weights: "uint8", threads: 1, milliseconds: 20 }, milliseconds: 20 };
  return request.kind === "predict" ? { kind: "predicted", masks, milliseconds: 20 } : { kind: "previewed", rle, milliseconds: 20 };
};

/** A worker that answers when told to. */
function scripted() {
  const asked: DecodeRequest[] = [];
  const port: Port & { isTerminated: boolean } = {
    onmessage: null,
    onerror: null,
    isTerminated: false,
    postMessage: (request: DecodeRequest) => void asked.push(request),
    terminate() {
      this.isTerminated = true;
    },
  };
  const answer = async (to: AnswerTo = usual): Promise<void> => {
    const request = asked.shift();
    if (request === undefined) throw new Error("nothing was asked");
    port.onmessage?.({ data: { ...to(request), id: request.id } as DecodeAnswer } as MessageEvent<DecodeAnswer>);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { port, asked, answer };
}

const server: Predictor = {
  predict: (_, __, modelVersion) => Promise.resolve({ where: "server", modelVersion: modelVersion ?? "live", masks: [], milliseconds: 1 }),
};
const ask = (decoding: Predictor, modelVersion: string | null = null, imageId = 1) =>
  decoding.predict(imageId, [point(1)], modelVersion, new AbortController().signal);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("the server answers until the browser is ready for this image, then the browser does", async () => {
  const worker = scripted();
  const decoding = createDecoding({ server, start: () => worker.port, probe: () => null });
  const opening = decoding.open(1);
  expect((await ask(decoding)).where).toBe("server");
  await worker.answer();
  await opening;
  const answer = ask(decoding);
  await worker.answer();
  expect(await answer).toMatchObject({ where: "browser", modelVersion: "nano-1", masks });
  expect((await ask(decoding, null, 2)).where).toBe("server"); // another image
  expect(await ask(decoding, "nano-2")).toMatchObject({ where: "server", modelVersion: "nano-2" }); // another model
});

test("what the worker cannot answer is asked of the server; a broken worker is ended and tried again with the next image", async () => {
  const workers = [scripted(), scripted()];
  let started = 0;
  const decoding = createDecoding({ server, start: () => workers[started++]?.port ?? scripted().port, probe: () => null });
  const [first, second] = workers;
  void decoding.open(1);
  await first?.answer();
  const answer = ask(decoding);
  await first?.answer(() => ({ kind: "failed", message: "out of memory", isPassing: false }));
  expect((await answer).where).toBe("server");
  expect(decoding.state.getState()).toEqual({ where: "server", why: { kind: "failed", message: "out of memory" } });
  expect(first?.port.isTerminated).toBe(true);
  void decoding.open(2);
  await second?.answer();
  expect(decoding.state.getState().where).toBe("browser");
});

test("a worker that says nothing any more costs one wait, and the click is answered", async () => {
  const worker = scripted();
  const decoding = createDecoding({ server, start: () => worker.port, probe: () => null });
  void decoding.open(1);
  await worker.answer();
  const answer = ask(decoding);
  await vi.advanceTimersByTimeAsync(5000);
  expect((await answer).where).toBe("server");
  expect(decoding.state.getState()).toMatchObject({ why: { kind: "failed" } });
});

test.each([
  ["a browser that can never do it", () => ({ kind: "notIsolated" }) as const, usual, { kind: "notIsolated" }],
  ["one that is slower than the server", () => null, ((request) => {
    const answer = usual(request);
    return answer.kind === "prepared" && "prepared" in answer && answer.prepared ? { ...answer, prepared: { ...answer.prepared, milliseconds: 900 } } : answer;
  }) as AnswerTo, { kind: "slow", milliseconds: 900 }],
])("%s leaves it to the server, and says why", async (_, probe, to, why) => {
  const worker = scripted();
  const decoding = createDecoding({ server, start: () => worker.port, probe });
  void decoding.open(1);
  if (worker.asked.length > 0) await worker.answer(to);
  expect(decoding.state.getState()).toEqual({ where: "server", why });
  expect((await ask(decoding)).where).toBe("server");
});

const took = (milliseconds: number | null): AnswerTo => (request) => {
  const answer = usual(request);
  if (answer.kind === "prepared" && "prepared" in answer && answer.prepared && milliseconds !== null) return { ...answer, prepared: { ...answer.prepared, milliseconds } };
  return "milliseconds" in answer ? { ...answer, milliseconds } : answer;
};

test("one that was slow while its machine was busy is measured again, ever more seldom, and for the open image only", async () => {
  const worker = scripted();
  const decoding = createDecoding({ server, start: () => worker.port, probe: () => null });
  void decoding.open(1);
  await worker.answer(took(900));
  await vi.advanceTimersByTimeAsync(5000);
  expect(worker.asked).toMatchObject([{ kind: "prepare", imageId: 1 }]);
  await worker.answer(took(800));
  await vi.advanceTimersByTimeAsync(9999);
  expect(worker.asked).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  await worker.answer(took(20));
  expect(decoding.state.getState()).toMatchObject({ where: "browser", prepared: { imageId: 1 } });

  void decoding.open(2);
  await worker.answer(took(900));
  void decoding.open(3);
  await worker.answer(took(20));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(worker.asked).toEqual([]);
  expect(decoding.state.getState()).toMatchObject({ where: "browser", prepared: { imageId: 3 } });
});

test("what a decoding takes is soon forgotten when it was much, and believed slowly; what was remembered tells nothing", async () => {
  const { port, answer } = scripted();
  const decoder = createBrowserDecoder(() => port);
  const look = async (milliseconds: number | null): Promise<number | null> => {
    const looking = decoder.preview(1, "nano-1", [point(1)]);
    await answer(took(milliseconds));
    await looking;
    return decoder.milliseconds();
  };
  expect([await look(40), await look(840), await look(40), await look(null)]).toEqual([40, 240, 90, 90]);
  const preparing = decoder.prepare(1);
  await answer((request) => ({ ...usual(request), milliseconds: null })); // its own 20 ms are of another time
  await preparing;
  expect(decoder.milliseconds()).toBe(90);
});

test("one runs and one waits; the newest waits; a click goes before a preview", async () => {
  const { port, asked, answer } = scripted();
  const decoder = createBrowserDecoder(() => port);
  const previews = [1, 2, 3].map((x) => decoder.preview(1, "nano-1", [point(x)]));
  expect(asked.map(({ id }) => id)).toEqual([1]);
  const click = decoder.predict(1, "nano-1", [point(9)], new AbortController().signal);
  await answer();
  expect(asked.map(({ kind }) => kind)).toEqual(["predict"]);
  await answer();
  expect(await Promise.all(previews)).toEqual([rle, null, null]);
  expect(await click).toEqual(masks);
  expect(asked).toEqual([]);
});

test("a click that was overtaken is dropped and does not block the next", async () => {
  const { port, asked, answer } = scripted();
  const decoder = createBrowserDecoder(() => port);
  const call = new AbortController();
  const overtaken = decoder.predict(1, "nano-1", [point(1)], call.signal);
  const dropped = expect(overtaken).rejects.toThrow("overtaken");
  call.abort();
  await dropped;
  const next = decoder.predict(1, "nano-1", [point(2)], new AbortController().signal);
  expect(asked.length).toBe(1); // the first still runs
  await answer();
  await answer();
  expect(await next).toEqual(masks);
});
