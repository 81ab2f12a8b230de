// The page's side of the painting worker: promises for pictures and borders.
import type { Rle } from "../masks/rle";
import type { Detail, Look } from "./bake";
import type { PaintAnswer, PaintedMask, PaintRequest } from "./protocol";

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

export interface Painter {
  bake(rle: Rle, detail: Detail, look: Look): Promise<PaintedMask>;
  border(rle: Rle): Promise<Int32Array>;
  /** Requests without an answer yet. */
  waiting(): number;
  close(): void;
}

export function createPainter(): Painter {
  const worker = new Worker(new URL("./painter.worker.ts", import.meta.url), { type: "module", name: "painter" });
  const open = new Map<number, { take: (answer: PaintAnswer) => void; fail: (reason: Error) => void }>();
  let lastId = 0;
  worker.addEventListener("message", ({ data }: MessageEvent<PaintAnswer>) => {
    const waiting = open.get(data.id);
    open.delete(data.id);
    if (data.kind === "failed") waiting?.fail(new Error(data.message));
    else waiting?.take(data);
  });

  const ask = (request: WithoutId<PaintRequest>): Promise<PaintAnswer> =>
    new Promise((take, fail) => {
      const id = ++lastId;
      open.set(id, { take, fail });
      worker.postMessage({ ...request, id });
    });

  return {
    async bake(rle, detail, look) {
      const answer = await ask({ kind: "bake", rle: plain(rle), detail, look });
      if (answer.kind !== "bake") throw new Error("the painter answered something else");
      return answer.painted;
    },
    async border(rle) {
      const answer = await ask({ kind: "border", rle: plain(rle) });
      if (answer.kind !== "border") throw new Error("the painter answered something else");
      return answer.segments;
    },
    waiting: () => open.size,
    close: () => worker.terminate(),
  };
}

const plain = ({ size, counts }: Rle): Rle => ({ size, counts });
