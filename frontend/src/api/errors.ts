// One error for everything the server refuses and for a server that does not answer.
import { words } from "../words/errors";

export class ApiError extends Error {
  /** HTTP status; 0 = no answer at all. */
  readonly status: number;
  /** The server's name for it, such as `revision_conflict`; `no_answer` when there was none. */
  readonly code: string;
  readonly retryAfterSeconds: number | null;
  /** The `error` object of the answer, with whatever the server put beside code and message. */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    code: string,
    message: string,
    { retryAfterSeconds = null, body = {} }: { retryAfterSeconds?: number | null; body?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
    this.body = body;
  }
}

export function noAnswer(): ApiError {
  return new ApiError(0, "no_answer", words.noAnswer);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The error of an answer that is not 2xx; `body` is its parsed JSON, or whatever else came (a proxy's HTML page). */
export function errorOf(status: number, body: unknown, headers: Headers): ApiError {
  const inner = isRecord(body) && isRecord(body["error"]) ? body["error"] : {};
  const code = typeof inner["code"] === "string" ? inner["code"] : "unexpected_answer";
  const message =
    typeof inner["message"] === "string" ? words.refusal(code, inner["message"]) : words.unexplained(status);
  const seconds = Number.parseFloat(headers.get("Retry-After") ?? "");
  return new ApiError(status, code, message, {
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : null,
    body: inner,
  });
}

/** Why background work failed, or how it decided, for a person. */
export const reasonWords = (theirs: string | null): string | null => (theirs === null ? null : words.reason(theirs));

/** A sentence for a person, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof ApiError && codes.includes(error.code);
}
