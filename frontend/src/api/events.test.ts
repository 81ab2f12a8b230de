import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { live, watchProject } from "./events";
import { imagesKey } from "./images";
import { exportsKey } from "./jobs";
import { stagesKey } from "./stages";

/** A line that opens when it is told to; jsdom has none of its own. */
class Line {
  static last: Line;
  static readonly CLOSED = 2;
  readyState = 0;
  onopen: () => void = () => undefined;
  onerror: () => void = () => undefined;
  constructor(readonly url: string) {
    Line.last = this;
  }
  readonly listeners = new Map<string, () => void>();
  addEventListener(kind: string, listener: () => void): void {
    this.listeners.set(kind, listener);
  }
  close(): void {
    this.readyState = Line.CLOSED;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Line);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("what was read before the line opened is read again: it may have changed in between, and nothing would tell", () => {
  const queryClient = new QueryClient();
  const stop = watchProject(7, queryClient);
  queryClient.setQueryData(exportsKey(7), { items: [{ state: "queued" }] });
  Line.last.onopen();
  expect(live.getState().isOpen).toBe(true);
  vi.advanceTimersByTime(1000);
  expect(queryClient.getQueryState(exportsKey(7))?.isInvalidated).toBe(true);
  stop();
  expect(live.getState().isOpen).toBe(false);
});

test("work elsewhere changes counts at once and tiles now and then", () => {
  const queryClient = new QueryClient();
  const stop = watchProject(7, queryClient);
  const isOld = (key: readonly unknown[]): boolean | undefined => queryClient.getQueryState(key)?.isInvalidated;
  for (const key of [imagesKey(7), stagesKey(7)]) queryClient.setQueryData(key, {});
  Line.last.listeners.get("work")?.();
  vi.advanceTimersByTime(1000);
  expect([isOld(stagesKey(7)), isOld(imagesKey(7))]).toEqual([true, false]);
  vi.advanceTimersByTime(15_000);
  expect(isOld(imagesKey(7))).toBe(true);
  stop();
});
