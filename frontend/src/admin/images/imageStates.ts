// The states of an image as people read them.
import { IconCircle, IconCircleCheck, IconLoader, IconPencil, IconPlayerSkipForward } from "@tabler/icons-react";
import type { ImageState } from "../../api/types";

type Mark = { word: string; colour: string; Icon: typeof IconCircle };

export const STATE_MARKS: Readonly<Record<ImageState, Mark>> = {
  ready: { word: "To do", colour: "var(--sl-muted)", Icon: IconCircle },
  claimed: { word: "In work", colour: "var(--sl-accent)", Icon: IconPencil },
  done: { word: "Done", colour: "var(--sl-green)", Icon: IconCircleCheck },
  skipped: { word: "Skipped", colour: "var(--sl-amber)", Icon: IconPlayerSkipForward },
  proposing: { word: "Being prepared", colour: "var(--sl-muted)", Icon: IconLoader },
};

export const FILTERS: readonly ImageState[] = ["ready", "claimed", "done", "skipped", "proposing"];
