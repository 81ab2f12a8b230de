// Where a finger that aims at something is: the loupe shows what it hides. Mouse and pen hide nothing.
import type { ScreenPoint } from "../canvas/geometry";
import type { Gesture, ToolEvent, ToolName } from "../canvas/tools/gesture";

export interface Finger {
  /** What the tools are told. */
  follow(event: ToolEvent): void;
  /** The place to be shown while this gesture lasts; null: none. */
  aimedAt(gesture: Gesture, tool: ToolName): ScreenPoint | null;
  close(): void;
}

/** A tap is over by then: nothing flashes. */
const AFTER_MS = 150;
const AIMING: readonly Gesture["kind"][] = ["pressed", "boxing", "cornered", "painting", "lassoing"];

export function createFinger(onRest: () => void): Finger {
  let at: ScreenPoint | null = null;
  let isResting = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const lift = (): void => {
    clearTimeout(timer);
    [at, isResting] = [null, false];
  };

  return {
    follow(event) {
      if (event.kind === "down") {
        lift();
        if (!event.isTouch) return;
        at = event.screen;
        timer = setTimeout(() => {
          isResting = true;
          onRest();
        }, AFTER_MS);
      } else if (event.kind === "move") at = at === null ? null : event.screen;
      else if (event.kind === "up" || event.kind === "unpress" || event.kind === "cancel") lift();
    },
    aimedAt: (gesture, tool) => (isResting && tool !== "select" && tool !== "pan" && AIMING.includes(gesture.kind) ? at : null),
    close: lift,
  };
}
