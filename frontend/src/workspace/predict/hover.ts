// The mask under the pointer before any click: as often as this browser can, never in the way of a click, never in the history.
import type { Rle } from "../../canvas/masks/rle";
import type { Prompt } from "../../canvas/prompts";
import { words } from "../../words/workspace";
import { docOf, type Store } from "../state";
import type { Decoding } from "./decoding";

export type Pace = "each move" | "at rest" | "to measure" | "never";

const EACH_MOVE_MS = 60;
const SLOWEST_MS = 150;
const REST_MS = 60;
/** A slow decoder is asked so seldom, to learn whether it is quick again. */
const MEASURE_MS = 3000;
const STORAGE_KEY = "segloop-hover";

/** How often to look, by what one look takes. */
export const paceOf = (milliseconds: number | null): Pace =>
  milliseconds === null ? "never" : milliseconds > SLOWEST_MS ? "to measure" : milliseconds > EACH_MOVE_MS ? "at rest" : "each move";

export interface Hover {
  /** What a click would add where the pointer is; null: it is not on the photo, or busy. */
  moveTo(prompt: Prompt | null): void;
  toggle(): void;
  isOn(): boolean;
  /** Called with each mask to show; null: none. */
  listen(listener: (rle: Rle | null) => void): () => void;
  close(): void;
}

export function createHover(store: Store, decoding: Pick<Decoding, "preview" | "milliseconds">): Hover {
  const listeners = new Set<(rle: Rle | null) => void>();
  let isOn = localStorage.getItem(STORAGE_KEY) !== "off";
  let [shown, epoch] = [null as Rle | null, 0];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let measuredAt = -Infinity;

  const show = (rle: Rle | null): void => {
    if (rle === shown) return;
    shown = rle;
    for (const listener of listeners) listener(rle);
  };
  const stop = (): void => {
    clearTimeout(timer);
    epoch++;
  };
  const look = async (imageId: number, prompt: Prompt): Promise<void> => {
    const mine = epoch;
    const rle = await decoding.preview(imageId, [prompt]);
    if (mine === epoch && rle !== null) show(rle);
  };

  const unsubscribe = store.subscribe((now, before) => {
    const hasDraft = docOf(now).draft.prompts.length > 0;
    if (hasDraft) stop();
    // The preview stays until the mask itself is there, so that nothing blinks at a click.
    const isOver = hasDraft ? now.asked.answer !== null : docOf(before).draft.prompts.length > 0;
    if (isOver || now.work?.id !== before.work?.id || now.tool !== before.tool) {
      stop();
      show(null);
    }
  });

  return {
    moveTo(prompt) {
      const { work, phase, tool, history, dialog } = store.getState();
      if (history.now.draft.prompts.length > 0) return;
      clearTimeout(timer);
      const pace = paceOf(decoding.milliseconds());
      const isWanted = isOn && phase.kind === "working" && tool === "point" && dialog === null;
      if (prompt === null || work === null || !isWanted || pace === "never") {
        stop();
        return show(null);
      }
      if (pace === "to measure") {
        show(null);
        if (Date.now() - measuredAt < MEASURE_MS) return;
        measuredAt = Date.now();
        timer = setTimeout(() => void decoding.preview(work.image.id, [prompt]), REST_MS);
      } else if (pace === "each move") void look(work.image.id, prompt);
      else timer = setTimeout(() => void look(work.image.id, prompt), REST_MS);
    },
    toggle() {
      isOn = !isOn;
      localStorage.setItem(STORAGE_KEY, isOn ? "on" : "off");
      if (!isOn) {
        stop();
        show(null);
      }
      const said = isOn ? words.decoding.hoverOn : words.decoding.hoverOff;
      store.setState({ notice: said, announcement: said });
    },
    isOn: () => isOn,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      stop();
      unsubscribe();
      listeners.clear();
    },
  };
}
