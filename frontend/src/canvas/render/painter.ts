// The page's side of the painting worker: promises for pictures and borders.
import type { Border } from "../masks/bitmap";
import type { Rle } from "../masks/rle";
import type { Detail, Look } from "./bake";
import type { PaintAnswer, PaintedMask, PaintRequest } from "./protocol";

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

/** So few are handed over at once that an urgent one never waits long. */
const MAX_SENT = 2;

export interface Painter {
  /** `isUrgent`: before everything that waits; what a person has just clicked. */
  bake(rle: Rle, detail: Detail, look: Look, isUrgent?: boolean): Promise<PaintedMask>;
  border(rle: Rle): Promise<Border>;
  /** Requests without an answer yet. */
  waiting(): number;
  close(): void;
}

/** `onAnswer` is called once the one who asked has seen the answer. */
export function createPainter(onAnswer: () => void): Painter {
  const worker = new Worker(new URL("./painter.worker.ts", import.meta.url), { type: "module", name: "painter" });
  const open = new Map<number, { take: (answer: PaintAnswer) => void; fail: (reason: Error) => void }>();
  const queue: PaintRequest[] = [];
  let lastId = 0;
  let sent = 0;

  const pump = (): void => {
    while (sent < MAX_SENT) {
      const request = queue.shift();
      if (request === undefined) return;
      sent++;
      worker.postMessage(request);
    }
  };
  worker.addEventListener("message", ({ data }: MessageEvent<PaintAnswer>) => {
    const waiting = open.get(data.id);
    open.delete(data.id);
    sent--;
    pump();
    if (data.kind === "failed") waiting?.fail(new Error(data.message));
    else waiting?.take(data);
    setTimeout(onAnswer, 0);
  });

  const ask = (request: WithoutId<PaintRequest>, isUrgent = false): Promise<PaintAnswer> =>
    new Promise((take, fail) => {
      const id = ++lastId;
      open.set(id, { take, fail });
      if (isUrgent) queue.unshift({ ...request, id });
      else queue.push({ ...request, id });
      pump();
    });

  return {
    async bake(rle, detail, look, isUrgent) {
      const answer = await ask({ kind: "bake", rle: plain(rle), detail, look }, isUrgent);
      if (answer.kind !== "bake") throw new Error("the painter answered something else");
      return answer.painted;
    },
    async border(rle) {
      const answer = await ask({ kind: "border", rle: plain(rle) });
      if (answer.kind !== "border") throw new Error("the painter answered something else");
      return answer.border;
    },
    waiting: () => open.size,
    close: () => worker.terminate(),
  };
}

const plain = ({ size, counts }: Rle): Rle => ({ size, counts });
