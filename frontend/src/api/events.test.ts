import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { live, watchProject } from "./events";
import { exportsKey } from "./jobs";

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
  addEventListener(): void {}
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
