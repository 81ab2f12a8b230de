// Asks for the masks of the latest prompts. A newer question ends an older one, late answers are dropped by number,
// answers are remembered by prompt list, and a model that is away is asked again until it answers. The model that gave the
// first answer on an image gives them all: one that is promoted meanwhile begins with the next image.
import { promptsKey } from "../../canvas/document";
import type { Prompt } from "../../canvas/prompts";
import { ApiError, messageOf } from "../../api/errors";
import type { Answer, Predictor } from "./predictor";

export type AskState =
  | { readonly kind: "idle" }
  | { readonly kind: "asking"; readonly since: number }
  /** Nobody answers now; asked again by itself. */
  | { readonly kind: "waiting"; readonly reason: "model" | "busy" | "network" | "session" }
  | { readonly kind: "refused"; readonly error: ApiError | null; readonly message: string };

export interface Asked {
  readonly state: AskState;
  /** The last answer; while a newer question is open it belongs to the prompts before. */
  readonly answer: Answer | null;
  readonly isFresh: boolean;
}

export interface Asker {
  ask(imageId: number, prompts: readonly Prompt[]): void;
  /** Asks again now instead of after the pause. */
  retry(): void;
  /** Another image: nothing of the old one may be shown. */
  forget(): void;
  close(): void;
}

const REMEMBERED = 200;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
const NOTHING: Asked = { state: { kind: "idle" }, answer: null, isFresh: false };

export function createAsker(predictor: Predictor, onChange: (asked: Asked) => void): Asker {
  const answers = new Map<string, Answer>(); // oldest first
  let asked = NOTHING;
  let question: { imageId: number; prompts: readonly Prompt[]; key: string } | null = null;
  let modelVersion: string | null = null;
  let epoch = 0;
  let call = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pauseMs = FIRST_PAUSE_MS;

  const show = (next: Asked): void => {
    asked = next;
    onChange(next);
  };

  const stop = (): void => {
    epoch++;
    clearTimeout(timer);
    call.abort();
  };

  const remember = (key: string, answer: Answer): void => {
    answers.set(key, answer);
    const oldest = answers.keys().next();
    if (answers.size > REMEMBERED && !oldest.done) answers.delete(oldest.value);
  };

  const fail = (error: unknown): void => {
    const reason = passingReason(error);
    if (error instanceof ApiError && error.code === "unknown_model_version" && modelVersion !== null) {
      // It was taken away meanwhile; better another model than none.
      modelVersion = null;
      return send();
    }
    if (reason === null) {
      const known = error instanceof ApiError ? error : null;
      show({ ...asked, state: { kind: "refused", error: known, message: messageOf(error) }, isFresh: false });
      return;
    }
    show({ ...asked, state: { kind: "waiting", reason } });
    const wantedMs = error instanceof ApiError && error.retryAfterSeconds !== null ? error.retryAfterSeconds * 1000 : pauseMs;
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    timer = setTimeout(send, wantedMs);
  };

  const send = (): void => {
    if (question === null) return;
    stop();
    const [number, { imageId, prompts, key }] = [epoch, question];
    call = new AbortController();
    // While the model is away the page keeps saying so, instead of blinking with each attempt.
    if (asked.state.kind !== "waiting") {
      show({ ...asked, state: { kind: "asking", since: performance.now() }, isFresh: false });
    }
    void predictor.predict(imageId, prompts, modelVersion, call.signal).then(
      (answer) => {
        if (number !== epoch) return;
        pauseMs = FIRST_PAUSE_MS;
        modelVersion = answer.modelVersion;
        remember(key, answer);
        show({ state: { kind: "idle" }, answer, isFresh: true });
      },
      (error: unknown) => {
        if (number === epoch) fail(error);
      },
    );
  };

  return {
    ask(imageId, prompts) {
      if (prompts.length === 0) {
        stop();
        question = null;
        if (asked !== NOTHING) show(NOTHING);
        return;
      }
      // Seen from nearer, the same prompts have another answer.
      const key = `${imageId}:${predictor.lookedAt?.() ?? ""}:${promptsKey(prompts)}`;
      const isSame = key === question?.key;
      if (isSame && (asked.isFresh || asked.state.kind === "asking")) return;
      question = { imageId, prompts, key };
      const answer = answers.get(key);
      if (answer === undefined) return send();
      stop();
      show({ state: { kind: "idle" }, answer, isFresh: true });
    },
    retry: send,
    forget() {
      stop();
      question = null;
      modelVersion = null;
      answers.clear();
      show(NOTHING);
    },
    close() {
      stop();
      question = null;
    },
  };
}

function passingReason(error: unknown): "model" | "busy" | "network" | "session" | null {
  if (!(error instanceof ApiError)) return null;
  if (error.status === 0) return "network";
  if (error.status === 401) return "session";
  if (error.code === "overloaded" || error.status === 429) return "busy";
  return error.status >= 500 ? "model" : null;
}
