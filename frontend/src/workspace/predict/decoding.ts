// Where prompts become masks: in this browser once image and model are ready here, until then and otherwise on the server.
// Both give the same masks; what cannot be answered here is asked there, call by call.
import { createStore, type StoreApi } from "zustand/vanilla";
import type { Rle } from "../../canvas/masks/rle";
import type { Prompt } from "../../canvas/prompts";
import { type BrowserDecoder, createBrowserDecoder, type Port, WorkerFailed } from "./browser";
import { type Predictor, serverPredictor } from "./predictor";
import type { Prepared } from "./protocol";

/** Why the server answers. */
export type Why =
  | { readonly kind: "starting" }
  | { readonly kind: "notIsolated" }
  | { readonly kind: "noWasm" }
  | { readonly kind: "slow"; readonly milliseconds: number }
  | { readonly kind: "failed"; readonly message: string };

export type DecodingState = { readonly where: "browser"; readonly prepared: Prepared } | { readonly where: "server"; readonly why: Why };

export interface Decoding extends Predictor {
  readonly state: StoreApi<DecodingState>;
  /** The image that is worked on now: the model that is live from here on answers. Resolves when it is settled who does. */
  open(imageId: number): Promise<void>;
  /** Has the image of a later `open` at hand. */
  prepare(imageId: number): Promise<void>;
  /** The shape of the best mask these prompts would give; null: not now. */
  preview(imageId: number, prompts: readonly Prompt[]): Promise<Rle | null>;
  /** What one decoding in this browser takes; null: it is done on the server. */
  milliseconds(): number | null;
  close(): void;
}

/** Slower than this the server is the better place: the budget of a click there. */
const SLOWEST_MS = 400;
/** Then the open image is measured again after a while, each time after twice as long: the machine may have been busy. */
const [AGAIN_MS, AGAIN_AT_MOST_MS] = [5000, 80_000];
/** A worker that broke is started again with the next image, so often. */
const MOST_FAILURES = 3;

export interface DecodingParts {
  readonly server: Predictor;
  readonly start: () => Port;
  /** Why this browser can never do it; null: it may. */
  readonly probe: () => Why | null;
}

const startWorker = (): Port => new Worker(new URL("./decoder.worker.ts", import.meta.url), { type: "module", name: "decoder" });

const probeBrowser = (): Why | null =>
  !globalThis.crossOriginIsolated ? { kind: "notIsolated" } : typeof WebAssembly === "undefined" ? { kind: "noWasm" } : null;

export function createDecoding(parts: Partial<DecodingParts> = {}): Decoding {
  const { server = serverPredictor, start = startWorker, probe = probeBrowser } = parts;
  const never = probe();
  const state = createStore<DecodingState>(() => ({ where: "server", why: never ?? { kind: "starting" } }));
  let browser: BrowserDecoder | null = null;
  let failures = 0;
  let openId: number | null = null;
  let isClosed = false;
  let again: ReturnType<typeof setTimeout> | undefined;

  const stay = (why: Why): void => state.setState({ where: "server", why }, true);
  /** Ends the worker, unless only this one call went wrong. */
  const note = (error: unknown, from: BrowserDecoder): void => {
    if (from !== browser) return;
    const message = error instanceof Error ? error.message : String(error);
    stay({ kind: "failed", message });
    if (error instanceof WorkerFailed && error.isPassing) return;
    failures++;
    browser.close();
    browser = null;
  };
  const readyFor = (imageId: number): Prepared | null => {
    const now = state.getState();
    return browser !== null && now.where === "browser" && now.prepared.imageId === imageId ? now.prepared : null;
  };
  const begin = (): BrowserDecoder | null => {
    if (never !== null || isClosed || failures >= MOST_FAILURES) return null;
    browser ??= createBrowserDecoder(start);
    return browser;
  };

  const tryOpen = async (imageId: number, againAfter: number): Promise<void> => {
    const target = begin();
    if (target === null) return;
    try {
      const prepared = await target.prepare(imageId);
      if (openId !== imageId || target !== browser) return;
      const { milliseconds } = prepared;
      if (milliseconds <= SLOWEST_MS) return state.setState({ where: "browser", prepared }, true);
      stay({ kind: "slow", milliseconds });
      again = setTimeout(() => void tryOpen(imageId, Math.min(2 * againAfter, AGAIN_AT_MOST_MS)), againAfter);
    } catch (error) {
      if (openId === imageId) note(error, target);
    }
  };

  return {
    state,
    async open(imageId) {
      openId = imageId;
      clearTimeout(again);
      if (state.getState().where === "browser") stay({ kind: "starting" });
      await tryOpen(imageId, AGAIN_MS);
    },
    async prepare(imageId) {
      // What fails here is said when the image is opened.
      if (state.getState().where === "browser") await browser?.prepare(imageId).catch(() => undefined);
    },
    async predict(imageId, prompts, modelVersion, signal) {
      const [ready, target] = [readyFor(imageId), browser];
      if (ready !== null && target !== null && (modelVersion ?? ready.modelVersion) === ready.modelVersion) {
        const started = performance.now();
        try {
          const masks = await target.predict(imageId, ready.modelVersion, prompts, signal);
          return { where: "browser", modelVersion: ready.modelVersion, masks: [...masks], milliseconds: performance.now() - started };
        } catch (error) {
          if (signal.aborted) throw error;
          note(error, target);
        }
      }
      return server.predict(imageId, prompts, modelVersion, signal);
    },
    async preview(imageId, prompts) {
      const [ready, target] = [readyFor(imageId), browser];
      if (ready === null || target === null) return null;
      try {
        return await target.preview(imageId, ready.modelVersion, prompts);
      } catch (error) {
        note(error, target);
        return null;
      }
    },
    milliseconds: () => (state.getState().where === "browser" ? (browser?.milliseconds() ?? null) : null),
    close() {
      isClosed = true;
      clearTimeout(again);
      browser?.close();
      browser = null;
    },
  };
}
