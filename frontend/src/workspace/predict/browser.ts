// The page's side of the decoding worker. One call runs there, one click and one preview wait; a newer one takes the
// place of the one that waits, and a click goes before a preview.
import type { Rle } from "../../canvas/masks/rle";
import type { Prompt } from "../../canvas/prompts";
import type { BrowserMask, DecodeAnswer, DecodeRequest, Prepared } from "./protocol";

export type Port = Pick<Worker, "postMessage" | "terminate"> & {
  onmessage: ((event: MessageEvent<DecodeAnswer>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
};

/** The worker cannot answer. `isPassing`: this call only. */
export class WorkerFailed extends Error {
  constructor(
    message: string,
    readonly isPassing: boolean,
  ) {
    super(message);
  }
}

export interface BrowserDecoder {
  prepare(imageId: number): Promise<Prepared>;
  predict(imageId: number, modelVersion: string, prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly BrowserMask[]>;
  /** null: something more urgent came. */
  preview(imageId: number, modelVersion: string, prompts: readonly Prompt[]): Promise<Rle | null>;
  /** What one decoding takes now: a moving average that is quicker to fall than to rise; null before the first. */
  milliseconds(): number | null;
  close(): void;
}

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;
type Question = WithoutId<DecodeRequest>;

interface Call {
  readonly question: Question;
  take(answer: DecodeAnswer): void;
  fail(error: Error): void;
}

// A slow one is often somebody else's work on this machine, a quick one is this machine.
const [SHARE_OF_SLOWER, SHARE_OF_QUICKER] = [0.25, 0.75];
/** A worker that was killed says nothing. */
const DEADLINE_MS = 3000;
const DEADLINE_PER_PROMPT_MS = 500;

export function createBrowserDecoder(start: () => Port): BrowserDecoder {
  const port = start();
  const open = new Map<number, Call>();
  let [lastId, average] = [0, null as number | null];
  let [running, click, preview]: [boolean, Call | null, Call | null] = [false, null, null];
  let failure: WorkerFailed | null = null;

  const failAll = (error: WorkerFailed): void => {
    failure = error;
    const calls = [...open.values(), click, preview];
    open.clear();
    [click, preview] = [null, null];
    for (const call of calls) call?.fail(error);
  };
  const send = (call: Call): void => {
    const id = ++lastId;
    open.set(id, call);
    port.postMessage({ ...call.question, id });
  };
  const pump = (): void => {
    const next = click ?? preview;
    if (running || next === null) return;
    if (next === click) click = null;
    else preview = null;
    running = true;
    send(next);
  };

  port.onmessage = ({ data }) => {
    const call = open.get(data.id);
    open.delete(data.id);
    if (call === undefined) return;
    if (call.question.kind !== "prepare") running = false;
    const took = data.kind === "failed" ? null : data.milliseconds;
    if (took !== null) average = average === null ? took : average + (took < average ? SHARE_OF_QUICKER : SHARE_OF_SLOWER) * (took - average);
    if (data.kind === "failed") call.fail(new WorkerFailed(data.message, data.isPassing));
    else call.take(data);
    pump();
  };
  port.onerror = (event) => failAll(new WorkerFailed(event.message || "The worker stopped.", false));

  const ask = <Kind extends DecodeAnswer["kind"]>(kind: Kind, question: Question, queue: (call: Call) => void) =>
    new Promise<Extract<DecodeAnswer, { kind: Kind }>>((take, fail) => {
      if (failure !== null) return fail(failure);
      queue({
        question,
        take: (answer) => (answer.kind === kind ? take(answer as Extract<DecodeAnswer, { kind: Kind }>) : fail(new WorkerFailed("The worker answered something else.", false))),
        fail,
      });
    });

  return {
    async prepare(imageId) {
      return (await ask("prepared", { kind: "prepare", imageId }, send)).prepared;
    },
    async predict(imageId, modelVersion, prompts, signal) {
      let deadline: ReturnType<typeof setTimeout> | undefined;
      try {
        const answer = await ask("predicted", { kind: "predict", imageId, modelVersion, prompts }, (call) => {
          const abandon = (): void => {
            if (click === call) click = null;
            call.fail(new DOMException("overtaken", "AbortError"));
          };
          click?.fail(new DOMException("overtaken", "AbortError"));
          click = call;
          preview?.fail(new DOMException("overtaken", "AbortError"));
          preview = null;
          signal.addEventListener("abort", abandon, { once: true });
          deadline = setTimeout(() => failAll(new WorkerFailed("The worker does not answer.", false)), DEADLINE_MS + DEADLINE_PER_PROMPT_MS * prompts.length);
          pump();
        });
        return answer.masks;
      } finally {
        clearTimeout(deadline);
      }
    },
    async preview(imageId, modelVersion, prompts) {
      const answer = await ask("previewed", { kind: "preview", imageId, modelVersion, prompts }, (call) => {
        preview?.fail(new DOMException("overtaken", "AbortError"));
        preview = call;
        pump();
      }).catch((error: unknown) => {
        if (error instanceof DOMException) return null;
        throw error;
      });
      return answer?.rle ?? null;
    },
    milliseconds: () => average,
    close() {
      failAll(new WorkerFailed("closed", false));
      port.terminate();
    },
  };
}
