// The next photo before it is lent: its picture decoded, its masks, its embedding in the worker. Losing it costs time only.
import { closePicture, type Picture } from "../canvas/render/picture";
import type { Decoding } from "./predict/decoding";
import type { Gathered, Gathering } from "./gathering";
import { findUpcoming, loadPicture, type StageName, type WorkItem } from "./server";

export interface AtHand {
  /** Without a lease. */
  readonly work: WorkItem;
  readonly picture: Picture;
  readonly gathered: Gathered;
}

export interface Ahead {
  /** Fetches what probably comes next: its picture and masks, and once the model is there (`decoded`) its embedding. */
  fetch(stage: StageName | null, decoded: Promise<void>, signal: AbortSignal): Promise<void>;
  /** The image at hand. */
  imageId(): number | null;
  /** What is at hand, handed over for good; null: nothing, or another image than this one. */
  take(imageId: number): AtHand | null;
  /** Something else comes next. */
  forget(): void;
  close(): void;
}

interface AheadParts {
  readonly decoding: Pick<Decoding, "prepare">;
  readonly gathering: Pick<Gathering, "gather">;
  readonly onChange: (imageId: number | null) => void;
}

export function createAhead(projectId: number, { decoding, gathering, onChange }: AheadParts): Ahead {
  let atHand: AtHand | null = null;
  let isClosed = false;

  const set = (next: AtHand | null): void => {
    atHand = next;
    onChange(next?.work.image.id ?? null);
  };
  const forget = (): void => {
    closePicture(atHand?.picture ?? null);
    set(null);
  };

  return {
    async fetch(stage, decoded, signal) {
      try {
        const work = await findUpcoming(projectId, stage);
        if (work === null || signal.aborted) return;
        const [picture, gathered] = await Promise.all([loadPicture(work.image.id, "display", signal), gathering.gather(work.image.id)]);
        if (signal.aborted || isClosed) return closePicture(picture);
        forget();
        set({ work, picture, gathered });
        await decoded;
        if (!signal.aborted) await decoding.prepare(work.image.id);
      } catch {
        // A convenience: what fails here is asked again in earnest.
      }
    },
    imageId: () => atHand?.work.image.id ?? null,
    take(imageId) {
      const taken = atHand?.work.image.id === imageId ? atHand : null;
      if (taken === null) forget();
      set(null);
      return taken;
    },
    forget,
    close() {
      isClosed = true;
      forget();
    },
  };
}
