// A photo decoded for drawing: itself and ever smaller versions of it, so that zoomed-out frames stay cheap and smooth.
// Decoding and shrinking happen in a worker.

export interface Picture {
  /** Largest first; each half as wide as the one before. */
  readonly levels: readonly ImageBitmap[];
}

export type PictureRequest = { readonly id: number; readonly blob: Blob };
export type PictureAnswer =
  | { readonly id: number; readonly levels: ImageBitmap[] }
  | { readonly id: number; readonly failure: string };

let worker: Worker | null = null;
let lastId = 0;

/** Decodes an image file. Rejects when the browser cannot read it. */
export function decodePicture(blob: Blob): Promise<Picture> {
  worker ??= new Worker(new URL("./picture.worker.ts", import.meta.url), { type: "module", name: "picture" });
  const [target, id] = [worker, ++lastId];
  return new Promise((take, fail) => {
    const onMessage = ({ data }: MessageEvent<PictureAnswer>): void => {
      if (data.id !== id) return;
      target.removeEventListener("message", onMessage);
      if ("failure" in data) fail(new Error(data.failure));
      else take({ levels: data.levels });
    };
    target.addEventListener("message", onMessage);
    target.postMessage({ id, blob });
  });
}

export function closePicture(picture: Picture | null): void {
  for (const level of picture?.levels ?? []) level.close();
}

/** The smallest version that still has a pixel for each device pixel across `width`. */
export function levelFor(picture: Picture, width: number): ImageBitmap | undefined {
  return picture.levels.findLast((level) => level.width >= width) ?? picture.levels[0];
}
