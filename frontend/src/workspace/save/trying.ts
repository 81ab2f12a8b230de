// Trying again what may succeed later: after a second, two, four, up to a minute; after an ended session once it is back.
import { ApiError } from "../../api/errors";

/** No answer, an overloaded or failing server, a full disk, an ended session: the same request may succeed later. */
export function isPassing({ status }: ApiError): boolean {
  return status === 0 || status >= 500 || [401, 408, 425, 429].includes(status);
}

export interface Pauses {
  /** Calls `then` when it makes sense to try again after this failure. */
  wait(reason: unknown, then: () => void): void;
  /** Whatever is waited for is tried now. */
  hurry(): void;
  /** Something got through: the next pause is a short one again. */
  reset(): void;
  /** Nothing is waited for any more. */
  stop(): void;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** `sessionIsBack` resolves when it makes sense to try again although the session had ended. */
export function createPauses(sessionIsBack: () => Promise<void>): Pauses {
  let pauseMs = FIRST_PAUSE_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting: (() => void) | null = null;

  const hurry = (): void => {
    clearTimeout(timer);
    const then = waiting;
    waiting = null;
    then?.();
  };

  return {
    wait(reason, then) {
      waiting = then;
      if (reason instanceof ApiError && reason.status === 401) return void sessionIsBack().then(() => waiting === then && hurry());
      const asked = reason instanceof ApiError ? (reason.retryAfterSeconds ?? 0) * 1000 : 0;
      timer = setTimeout(hurry, Math.max(asked, pauseMs));
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    },
    hurry,
    reset: () => void (pauseMs = FIRST_PAUSE_MS),
    stop() {
      clearTimeout(timer);
      waiting = null;
    },
  };
}
