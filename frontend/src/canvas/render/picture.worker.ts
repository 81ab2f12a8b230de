// Decodes photos and makes their smaller versions, off the main thread.
import type { PictureAnswer, PictureRequest } from "./picture";

const SMALLEST_WIDTH = 700;

function halved(source: ImageBitmap): ImageBitmap {
  const canvas = new OffscreenCanvas(Math.ceil(source.width / 2), Math.ceil(source.height / 2));
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("no 2D canvas in a worker");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas.transferToImageBitmap();
}

async function answer({ id, blob }: PictureRequest): Promise<void> {
  const reply = (message: PictureAnswer, transfer: Transferable[]): void => self.postMessage(message, { transfer });
  try {
    const levels = [await createImageBitmap(blob)];
    for (let last = levels[0]; last !== undefined && last.width > SMALLEST_WIDTH; last = levels.at(-1)) {
      levels.push(halved(last));
    }
    reply({ id, levels }, levels);
  } catch (error) {
    reply({ id, failure: String(error) }, []);
  }
}

self.addEventListener("message", (event: MessageEvent<PictureRequest>) => void answer(event.data));
