// What a page in Chromium tells of itself: when something reached the screen, what its threads did, what it holds.
import { readFileSync } from "node:fs";
import type { BrowserContext, Page } from "playwright-core";

declare global {
  interface Window {
    /** Milliseconds since the page began to load; `inputs` by the event's own time. */
    probe: { inputs: Record<string, number>; paints: number[]; frames: number[]; facts: { at: number; name: string; value: string }[] };
  }
}

/** Notes inputs, frames, new pictures on the preview layer, and each change of what the stage says. */
export async function probed(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    window.probe = { inputs: {}, paints: [], frames: [], facts: [] };
    const { probe } = window;
    for (const name of ["pointermove", "pointerdown", "pointerup", "keydown"]) {
      addEventListener(name, (event) => (probe.inputs[name] = event.timeStamp), { capture: true });
    }
    const known = new WeakSet<ImageBitmap>();
    const draw = CanvasRenderingContext2D.prototype.drawImage as (...how: unknown[]) => void;
    CanvasRenderingContext2D.prototype.drawImage = function (this: CanvasRenderingContext2D, ...how: unknown[]) {
      const [picture] = how;
      if (picture instanceof ImageBitmap && !known.has(picture) && this.canvas.dataset["layer"] === "preview") {
        known.add(picture);
        probe.paints.push(performance.now());
      }
      draw.apply(this, how);
    };
    const frame = (now: number): void => {
      probe.frames.push(now);
      if (probe.frames.length > 3000) probe.frames.shift();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    new MutationObserver((changes) => {
      for (const { target, attributeName } of changes) {
        const name = attributeName ?? "";
        const value = (target as HTMLElement).getAttribute(name) ?? "";
        requestAnimationFrame(() => probe.facts.push({ at: performance.now(), name, value }));
      }
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-ready", "data-image", "data-masks", "data-decoding"] });
  });
}

/** Milliseconds between the frames while something is done, and nothing before or after it. */
export async function frameIntervals(page: Page, work: () => Promise<void>): Promise<number[]> {
  const from = await nowIn(page);
  await work();
  const frames = await page.evaluate((since) => window.probe.frames.filter((at) => at >= since), from);
  return frames.slice(1).map((at, i) => at - (frames[i] ?? at));
}

export const nowIn = (page: Page): Promise<number> => page.evaluate(() => performance.now());

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  /** Microseconds of processor time, free of what else runs on the machine. */
  tdur?: number;
  args?: { name?: string; data?: { functionName?: string; url?: string; lineNumber?: number; type?: string } };
}

export interface Threads {
  /** The page's main thread: the processor milliseconds of its tasks, longest first. */
  readonly tasks: readonly number[];
  /** What ran in the tasks above 50 ms. */
  readonly long: readonly string[];
  /** Processor milliseconds of the page's workers, all together. */
  readonly workers: number;
}

const LONG_MS = 50;

/** What the page's threads did meanwhile. */
export async function traced(page: Page, work: () => Promise<void>): Promise<Threads> {
  const browser = page.context().browser();
  if (browser === null) throw new Error("tracing needs the browser");
  const categories = ["devtools.timeline", "disabled-by-default-devtools.timeline", "v8.execute", "__metadata"];
  await browser.startTracing(page, { categories });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const threadsNamed = (pattern: RegExp): Set<string> =>
    new Set(traceEvents.filter((event) => event.name === "thread_name" && pattern.test(event.args?.name ?? "")).map(threadOf));
  const tasksOf = (threads: Set<string>): TraceEvent[] => traceEvents.filter((event) => event.name === "RunTask" && threads.has(threadOf(event)));
  const [mains, workers] = [threadsNamed(/^CrRendererMain$/), threadsNamed(/^DedicatedWorker/)];
  const tasks = tasksOf(mains).sort((one, other) => milliseconds(other) - milliseconds(one));
  return {
    tasks: tasks.map(milliseconds),
    long: tasks.filter((task) => milliseconds(task) > LONG_MS).map((task) => attribution(task, traceEvents)),
    workers: tasksOf(workers).reduce((sum, task) => sum + milliseconds(task), 0),
  };
}

const threadOf = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
const milliseconds = ({ tdur = 0 }: TraceEvent): number => tdur / 1000;

/** The longest pieces of a task, by name. */
function attribution(task: TraceEvent, events: readonly TraceEvent[]): string {
  const end = task.ts + (task.dur ?? 0);
  const inside = events.filter((event) => event !== task && threadOf(event) === threadOf(task) && event.ts >= task.ts && event.ts <= end && milliseconds(event) > 5 && event.name !== "RunTask");
  const named = inside.sort((one, other) => milliseconds(other) - milliseconds(one)).slice(0, 6).map((event) => {
    const { functionName = "", lineNumber, url = "", type = "" } = event.args?.data ?? {};
    const where = url === "" ? "" : ` ${url.split("/").at(-1)}:${lineNumber ?? ""}`;
    return `${event.name}${type && ` ${type}`}${functionName && ` ${functionName}`}${where} ${milliseconds(event).toFixed(0)} ms`;
  });
  return `${milliseconds(task).toFixed(0)} ms: ${named.join(" > ")}`;
}

const MEBIBYTE = 2 ** 20;

interface UserAgentMemory {
  bytes: number;
  breakdown: { bytes: number; types: string[]; attribution: { url: string; scope: string }[] }[];
}

/** What page and workers hold after their next collections, by part, in MiB: the browser waits for those itself. */
export async function partsOf(page: Page): Promise<{ all: number; workers: number; parts: string[] }> {
  const { bytes, breakdown } = await page.evaluate(() =>
    (performance as unknown as { measureUserAgentSpecificMemory: () => Promise<UserAgentMemory> }).measureUserAgentSpecificMemory(),
  );
  const named = breakdown.map((part) => ({ mib: part.bytes / MEBIBYTE, of: part.attribution[0], types: part.types.join() }));
  const workers = named.filter(({ of }) => of?.scope === "DedicatedWorkerGlobalScope");
  const parts = named.filter(({ mib }) => mib > 0.5).map(({ mib, of, types }) => `${mib.toFixed(1)} MiB ${types} ${of?.url.split("/").at(-1) ?? "shared"}`);
  return { all: bytes / MEBIBYTE, workers: workers.reduce((sum, { mib }) => sum + mib, 0), parts };
}

/**
 * After a collection: the page's JavaScript heap, and all that its process holds, in MiB. That includes the debugger's copies
 * of what the network answered, half a MiB a photo: a page that nobody watches does not have them.
 */
export async function memoryOf(page: Page): Promise<{ heap: number; process: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  const browser = page.context().browser();
  if (browser === null) throw new Error("the browser is gone");
  const whole = await browser.newBrowserCDPSession();
  const { processInfo } = await whole.send("SystemInfo.getProcessInfo");
  await whole.detach();
  const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => residentMib(id));
  return { heap: usedSize / MEBIBYTE, process: Math.max(...renderers) };
}

const residentMib = (id: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0) / 1024;
