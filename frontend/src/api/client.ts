// The typed client of the server's API. `call` unwraps an answer or throws an ApiError.
import createClient, { type Middleware } from "openapi-fetch";
import { setLost, setSessionExpired } from "./connection";
import { ApiError, errorOf, noAnswer } from "./errors";
import type { paths } from "./schema";

// `fetch` is looked up at each call, so that a test can put its own in place.
export const client = createClient<paths>({
  baseUrl: location.origin,
  credentials: "same-origin",
  fetch: (request) => globalThis.fetch(request),
});

/** What every answer tells about the connection; also for calls that do not go through `client` (uploads). */
export function noteAnswer(status: number, path: string): void {
  setLost(false);
  const asksWhoIAm = path === "/api/me" || path.startsWith("/api/auth/");
  if (status === 401 && !asksWhoIAm) setSessionExpired(true);
}

const note: Middleware = {
  onResponse({ response, schemaPath }) {
    noteAnswer(response.status, schemaPath);
  },
};
client.use(note);

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** `await call(client.GET("/api/projects"))`: the data, or an ApiError thrown. An aborted call throws its AbortError. */
export async function call<Data>(answer: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await answer.catch((reason: unknown) => {
    if (reason instanceof DOMException && reason.name === "AbortError") throw reason;
    if (reason instanceof ApiError) throw reason;
    setLost(true);
    throw noAnswer();
  });
  if (!response.ok) throw errorOf(response.status, error, response.headers);
  return data as Data; // 204 has no data; its type is then `undefined`.
}
