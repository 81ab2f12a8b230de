// A call by its path, for routes whose answers are typed where they are used.
import { call } from "./client";

export function ask<Answer>(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: unknown, signal?: AbortSignal): Promise<Answer> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { "Content-Type": "application/json" } };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (signal !== undefined) init.signal = signal;
  const answer = globalThis.fetch(`/api${path}`, init).then(async (response) => {
    const json = (await response.json().catch(() => undefined)) as unknown;
    return response.ok ? { data: json as Answer, response } : { error: json, response };
  });
  return call(answer);
}
