// The states of an image as people read them.
import { IconCircle, IconCircleCheck, IconLoader, IconPencil, IconPlayerSkipForward } from "@tabler/icons-react";
import type { ImageState } from "../../api/types";

type Mark = { colour: string; Icon: typeof IconCircle };

export const STATE_MARKS: Readonly<Record<ImageState, Mark>> = {
  ready: { colour: "var(--sl-muted)", Icon: IconCircle },
  claimed: { colour: "var(--sl-accent)", Icon: IconPencil },
  done: { colour: "var(--sl-green)", Icon: IconCircleCheck },
  skipped: { colour: "var(--sl-amber)", Icon: IconPlayerSkipForward },
  proposing: { colour: "var(--sl-muted)", Icon: IconLoader },
};

export const FILTERS: readonly ImageState[] = ["ready", "claimed", "done", "skipped", "proposing"];
