// Decodes prompts off the main thread: the last images' embeddings, and the session of the model they belong to.
import type { Prompt } from "../../canvas/prompts";
import { type Frame, frameOf } from "./description";
import { type Embedding, fetchDecoder, fetchEmbedding, NotServed } from "./fetching";
import type { DecodeAnswer, DecodeRequest, Prepared } from "./protocol";
import { createMemo, type Memo, replay, type Step } from "./replay";
import { bestOf } from "./rules";
import { type Decoder, openDecoder, THREADS } from "./runtime";
import { createUpsampler, type Upsampler } from "./upsample";

const KEPT_IMAGES = 3;
/** Of one image's steps. */
const MEMO_BYTES = 10_000_000;
/** The first runs compile: what they take says nothing. */
const WARM_UP_RUNS = 2;

/** Slower than this, an image that is opened is measured again: it was prepared while the machine was busy. */
const QUICK_MS = 150;

interface Kept {
  readonly embedding: Embedding;
  readonly frame: Frame;
  readonly upsampler: Upsampler;
  readonly memo: Memo;
  /** What a click took when it was prepared. */
  milliseconds: number;
}

const images = new Map<number, Kept>(); // by id, oldest first
const decoders = new Map<string, Promise<Decoder>>(); // by model version
let turn: Promise<unknown> = Promise.resolve();

/** One run after the other: the runtime takes no second one meanwhile. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = turn.then(work);
  turn = mine.catch(() => undefined);
  return mine;
}

async function prepare(imageId: number): Promise<{ prepared: Prepared; milliseconds: number | null }> {
  const embedding = await fetchEmbedding(imageId, images.get(imageId)?.embedding);
  const { model_version: modelVersion, encoder_fingerprint: fingerprint, size_hw } = embedding.layout;
  const decoder = await decoderOf(modelVersion, embedding);
  if (decoder.description.encoder_fingerprint !== fingerprint) throw new NotServed("Decoder and embedding are of different encoders.", true);
  const known = images.get(imageId);
  const frame = frameOf(size_hw, decoder.description);
  const image =
    known?.embedding === embedding
      ? known
      : { embedding, frame, upsampler: createUpsampler(frame), memo: createMemo(MEMO_BYTES), milliseconds: Infinity };
  images.delete(imageId);
  images.set(imageId, image);
  await dropOldest();
  const now = image.milliseconds > QUICK_MS ? await timeOneClick(decoder, embedding, image.upsampler) : null;
  image.milliseconds = now ?? image.milliseconds;
  const prepared = { imageId, modelVersion, weights: decoder.description.weights, threads: THREADS, milliseconds: image.milliseconds };
  return { prepared, milliseconds: now };
}

function decoderOf(modelVersion: string, embedding: Embedding): Promise<Decoder> {
  const known = decoders.get(modelVersion);
  if (known !== undefined) return known;
  const opening = openWarm(modelVersion, embedding);
  decoders.set(modelVersion, opening);
  opening.catch((error: unknown) => {
    if (error instanceof NotServed && error.isPassing) decoders.delete(modelVersion);
  });
  return opening;
}

async function openWarm(modelVersion: string, embedding: Embedding): Promise<Decoder> {
  const { description, model } = await fetchDecoder(modelVersion);
  const decoder = await inTurn(() => openDecoder(model, description));
  const upsampler = createUpsampler(frameOf(embedding.layout.size_hw, description));
  for (let i = 0; i < WARM_UP_RUNS; i++) await timeOneClick(decoder, embedding, upsampler);
  return decoder;
}

/** Milliseconds of a click at the corner, remembered by nobody. */
async function timeOneClick(decoder: Decoder, embedding: Embedding, upsampler: Upsampler): Promise<number> {
  const { description } = decoder;
  const started = performance.now();
  const step = await replay([{ type: "point", x: 0, y: 0, label: 1, candidate: null }], {
    name: "",
    frame: frameOf(embedding.layout.size_hw, description),
    rules: description.rules,
    memo: createMemo(0),
    run: (inputs) => inTurn(() => decoder.run(embedding, inputs)),
  });
  for (const logits of step.logits) upsampler.mask(logits);
  return performance.now() - started;
}

/** Images beyond the last few, and decoders that none of those needs; the newest may be on its way for another image. */
async function dropOldest(): Promise<void> {
  for (const id of images.keys()) {
    if (images.size <= KEPT_IMAGES) break;
    images.delete(id);
  }
  const needed = new Set([...images.values()].map(({ embedding }) => embedding.layout.model_version));
  const newest = [...decoders.keys()].at(-1);
  for (const [version, opening] of decoders) {
    if (needed.has(version) || version === newest) continue;
    const opened = await opening.catch(() => null);
    if (opened === null) continue; // a refusal is worth remembering
    decoders.delete(version);
    await inTurn(() => opened.release());
  }
}

async function decode(imageId: number, modelVersion: string, prompts: readonly Prompt[]): Promise<{ step: Step; upsampler: Upsampler; runs: number }> {
  const image = images.get(imageId);
  if (image === undefined || image.embedding.layout.model_version !== modelVersion) throw new NotServed("The image is not prepared.", true);
  const decoder = await decoders.get(modelVersion);
  if (decoder === undefined) throw new NotServed("The model is not prepared.", true);
  const { description } = decoder;
  let runs = 0;
  const step = await replay(prompts, {
    name: `${imageId} ${modelVersion}`,
    frame: image.frame,
    rules: description.rules,
    memo: image.memo,
    run: (inputs) => {
      runs++;
      return inTurn(() => decoder.run(image.embedding, inputs));
    },
  });
  return { step, upsampler: image.upsampler, runs };
}

async function answer(request: DecodeRequest): Promise<DecodeAnswer> {
  const { id } = request;
  if (request.kind === "prepare") return { kind: "prepared", id, ...(await prepare(request.imageId)) };
  const started = performance.now();
  const { step, upsampler, runs } = await decode(request.imageId, request.modelVersion, request.prompts);
  const eachTook = (): number | null => (runs === 0 ? null : (performance.now() - started) / runs);
  if (request.kind === "preview") {
    const rle = upsampler.outline(step.logits[bestOf(step.predictedIou)] ?? new Float32Array());
    return { kind: "previewed", id, rle, milliseconds: eachTook() };
  }
  const masks = step.logits.map((logits, i) => ({ ...upsampler.mask(logits), predicted_iou: step.predictedIou[i] ?? 0 }));
  return { kind: "predicted", id, masks, milliseconds: eachTook() };
}

self.addEventListener("message", ({ data }: MessageEvent<DecodeRequest>) => {
  void answer(data).then(
    (message) => self.postMessage(message),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const isPassing = error instanceof NotServed && error.isPassing;
      self.postMessage({ kind: "failed", id: data.id, message, isPassing } satisfies DecodeAnswer);
    },
  );
});
