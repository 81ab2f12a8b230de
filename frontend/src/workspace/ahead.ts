// The next photo before it is lent: its picture decoded, its embedding in the worker. Losing it costs time only.
import { closePicture, type Picture } from "../canvas/render/picture";
import type { Decoding } from "./predict/decoding";
import { findUpcoming, loadPicture, type StageName } from "./server";

export interface Ahead {
  /** Fetches what probably comes next: its picture, and once the model is there (`decoded`) its embedding. */
  fetch(stage: StageName | null, decoded: Promise<void>, signal: AbortSignal): Promise<void>;
  /** What is at hand. */
  imageId(): number | null;
  /** The picture of this image, handed over for good; null: another one was fetched, or none. */
  take(imageId: number): Picture | null;
  close(): void;
}

export function createAhead(projectId: number, decoding: Pick<Decoding, "prepare">): Ahead {
  let fetched: { imageId: number; picture: Picture } | null = null;
  let isClosed = false;

  const drop = (): void => {
    closePicture(fetched?.picture ?? null);
    fetched = null;
  };

  return {
    async fetch(stage, decoded, signal) {
      try {
        const imageId = await findUpcoming(projectId, stage);
        if (imageId === null || signal.aborted) return;
        const picture = await loadPicture(imageId, "display", signal);
        if (signal.aborted || isClosed) return closePicture(picture);
        drop();
        fetched = { imageId, picture };
        await decoded;
        if (!signal.aborted) await decoding.prepare(imageId);
      } catch {
        // A convenience: what fails here is asked again in earnest.
      }
    },
    imageId: () => fetched?.imageId ?? null,
    take(imageId) {
      const picture = fetched?.imageId === imageId ? fetched.picture : null;
      if (picture === null) drop();
      fetched = null;
      return picture;
    },
    close() {
      isClosed = true;
      drop();
    },
  };
}
