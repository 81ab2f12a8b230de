// The preview under the pointer: how often, and what ends it.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { amend } from "../../canvas/history";
import type { Rle } from "../../canvas/masks/rle";
import type { Prompt } from "../../canvas/prompts";
import type { WorkItem } from "../server";
import { createWorkspaceStore } from "../state";
import { createHover, paceOf } from "./hover";

const point = (x: number): Prompt => ({ type: "point", x, y: 0, label: 1, candidate: null });
const rleAt = (x: number): Rle => ({ size: [1, 1], counts: String(x) });

function hovering(milliseconds: number | null) {
  const store = createWorkspaceStore();
  store.setState({ phase: { kind: "working" }, work: { id: 1, image: { id: 1, width: 10, height: 10 } } as WorkItem });
  const looked: number[] = [];
  const preview = (_: number, prompts: readonly Prompt[]): Promise<Rle> => {
    const x = prompts[0]?.type === "point" ? prompts[0].x : NaN;
    looked.push(x);
    return Promise.resolve(rleAt(x));
  };
  const hover = createHover(store, { preview, milliseconds: () => milliseconds });
  let shown: Rle | null = null;
  hover.listen((rle) => (shown = rle));
  return { store, hover, looked, shown: () => shown };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  localStorage.clear();
});

test("the pace follows what decoding takes; without a decoder here there is none", () => {
  expect([null, 20, 60, 61, 150, 151].map(paceOf)).toEqual(["never", "each move", "each move", "at rest", "at rest", "to measure"]);
});

test("a quick decoder looks at each move, a slower one when the pointer rests, none without one", async () => {
  for (const [milliseconds, expected] of [[20, [1, 2, 3]], [100, [3]], [null, []]] as const) {
    const { hover, looked } = hovering(milliseconds);
    for (const x of [1, 2, 3]) hover.moveTo(point(x));
    await vi.advanceTimersByTimeAsync(60);
    expect(looked).toEqual(expected);
  }
});

test("a slow decoder is asked now and then, so that it is known when it is quick again; nothing of that is shown", async () => {
  const { hover, looked, shown } = hovering(200);
  for (const x of [1, 2, 3]) {
    hover.moveTo(point(x));
    await vi.advanceTimersByTimeAsync(100);
  }
  expect([looked, shown()]).toEqual([[1], null]);
  await vi.advanceTimersByTimeAsync(3000);
  hover.moveTo(point(4));
  await vi.advanceTimersByTimeAsync(100);
  expect([looked, shown()]).toEqual([[1, 4], null]);
});

test("it goes when the pointer leaves, and an answer that comes then is not shown", async () => {
  const { hover, shown } = hovering(20);
  hover.moveTo(point(1));
  await vi.advanceTimersByTimeAsync(0);
  expect(shown()).toEqual(rleAt(1));
  hover.moveTo(point(2));
  hover.moveTo(null);
  await vi.advanceTimersByTimeAsync(0);
  expect(shown()).toBeNull();
});

test("a click keeps it until the mask is there; then nothing is looked at while a mask is made", async () => {
  const { store, hover, looked, shown } = hovering(20);
  hover.moveTo(point(1));
  await vi.advanceTimersByTimeAsync(0);
  const { history } = store.getState();
  store.setState({ history: amend(history, { kind: "addPrompt", prompt: point(1), shown: null }) });
  expect(shown()).toEqual(rleAt(1));
  hover.moveTo(point(2));
  expect(looked).toEqual([1]);
  store.setState({ asked: { state: { kind: "idle" }, isFresh: true, answer: { where: "browser", modelVersion: "m", masks: [], milliseconds: 1 } } });
  expect(shown()).toBeNull();
});

test("it can be switched off, and stays so", async () => {
  const first = hovering(20);
  first.hover.toggle();
  first.hover.moveTo(point(1));
  expect([first.hover.isOn(), first.looked]).toEqual([false, []]);
  expect(first.store.getState().announcement).toContain("off");
  expect(hovering(20).hover.isOn()).toBe(false);
});
