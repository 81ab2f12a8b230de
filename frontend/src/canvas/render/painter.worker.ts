// Turns masks into pictures and borders, off the main thread.
import { borderOf } from "../masks/bitmap";
import { bake } from "./bake";
import { createBitmaps } from "./bitmaps";
import type { PaintAnswer, PaintedMask, PaintRequest } from "./protocol";

/** Of decoded masks, one byte a pixel within their bounds. */
const bitmaps = createBitmaps(64 * 1024 * 1024);

async function paint(request: Extract<PaintRequest, { kind: "bake" }>): Promise<PaintedMask> {
  const mask = bitmaps.of(request.rle);
  const nothing = { picture: null, x: mask.x, y: mask.y, width: 0, height: 0 };
  if (mask.bits.length === 0) return nothing;
  const { x, y, width, height, columns, rows, rgba } = bake(mask, request.detail, request.look);
  return { picture: await createImageBitmap(new ImageData(rgba, columns, rows)), x, y, width, height };
}

async function answer(request: PaintRequest): Promise<void> {
  const reply = (message: PaintAnswer, transfer: Transferable[]): void => self.postMessage(message, { transfer });
  try {
    if (request.kind === "bake") {
      const painted = await paint(request);
      reply({ kind: "bake", id: request.id, painted }, painted.picture === null ? [] : [painted.picture]);
    } else {
      const border = borderOf(bitmaps.of(request.rle));
      reply({ kind: "border", id: request.id, border }, [border.horizontal.buffer, border.vertical.buffer]);
    }
  } catch (error) {
    reply({ kind: "failed", id: request.id, message: String(error) }, []);
  }
}

self.addEventListener("message", (event: MessageEvent<PaintRequest>) => void answer(event.data));
