import { beforeEach, expect, it, vi } from "vitest";
import { call, client } from "./client";
import { connection, setLost, setSessionExpired, watchConnection } from "./connection";
import { ApiError, hasCode, messageOf } from "./errors";
import { meQuery } from "./session";

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): void => {
  vi.stubGlobal("fetch", () =>
    Promise.resolve(
      new Response(body === null ? null : JSON.stringify(body), {
        status,
        headers: { "Content-Type": "application/json", ...headers },
      }),
    ),
  );
};

const refusal = (): Promise<unknown> =>
  call(client.GET("/api/projects")).then(
    () => expect.fail("it was not refused"),
    (error: unknown) => error,
  );

beforeEach(() => {
  vi.unstubAllGlobals();
  setLost(false);
  setSessionExpired(false);
});

it("unwraps what the server says", async () => {
  answer(200, { items: [], next_cursor: null, total: 0 });
  expect(await call(client.GET("/api/projects"))).toEqual({ items: [], next_cursor: null, total: 0 });
});

it("throws the server's own error with everything beside it", async () => {
  answer(503, { error: { code: "overloaded", message: "Too many clicks.", waiting: 9 } }, { "Retry-After": "2.5" });
  const error = await refusal();
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 503, code: "overloaded", message: "Too many clicks.", retryAfterSeconds: 2.5 });
  expect((error as ApiError).body["waiting"]).toBe(9);
  expect(hasCode(error, "x", "overloaded")).toBe(true);
});

it("makes sense of an answer that is not the server's", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("<html>Bad gateway</html>", { status: 502 })));
  const error = await refusal();
  expect(error).toMatchObject({ status: 502, code: "unexpected_answer", retryAfterSeconds: null });
  expect(messageOf(error)).toContain("502");
});

it("notes when the server does not answer, and when it does again", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  expect(await refusal()).toMatchObject({ status: 0, code: "no_answer" });
  expect(connection.getState().isLost).toBe(true);
  answer(200, { items: [], next_cursor: null, total: 0 });
  await call(client.GET("/api/projects"));
  expect(connection.getState().isLost).toBe(false);
});

it("lets an aborted call be what it is", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new DOMException("aborted", "AbortError")));
  expect(await refusal()).toMatchObject({ name: "AbortError" });
  expect(connection.getState().isLost).toBe(false);
});

it("tells an ended session from nobody being signed in", async () => {
  answer(401, { error: { code: "not_signed_in", message: "Sign in." } });
  const { queryFn } = meQuery;
  if (typeof queryFn !== "function") throw new Error("no query function");
  const me = await queryFn({ signal: new AbortController().signal } as Parameters<typeof queryFn>[0]);
  expect(me).toBeNull();
  expect(connection.getState().isSessionExpired).toBe(false);
  await refusal();
  expect(connection.getState().isSessionExpired).toBe(true);
});

it("asks a lost server again until it answers", async () => {
  vi.useFakeTimers();
  let isUp = false;
  vi.stubGlobal("fetch", () => (isUp ? Promise.resolve(new Response("{}")) : Promise.reject(new TypeError("no"))));
  const stop = watchConnection();
  setLost(true);
  await vi.advanceTimersByTimeAsync(3100);
  expect(connection.getState().isLost).toBe(true);
  isUp = true;
  await vi.advanceTimersByTimeAsync(3100);
  expect(connection.getState().isLost).toBe(false);
  stop();
  vi.useRealTimers();
});

it("is not talked out of it by an answer that was on its way when the line broke", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no")));
  const stop = watchConnection();
  window.dispatchEvent(new Event("offline"));
  setLost(false);
  await vi.advanceTimersByTimeAsync(3100);
  expect(connection.getState().isLost).toBe(true);
  stop();
  setLost(false);
  vi.useRealTimers();
});
