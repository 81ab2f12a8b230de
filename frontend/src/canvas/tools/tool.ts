// Tools as state machines: a gesture's next state and what it asks for. No DOM, no canvas, no clock.
import { boxBetween, type ImageBox, type ImagePoint, isInside, type ScreenPoint, type Size } from "../geometry";
import type { Prompt } from "../prompts";

export type ToolName = "point" | "select" | "pan";
export type Button = "left" | "middle" | "right";

export type ToolEvent =
  | {
      readonly kind: "down";
      readonly button: Button;
      readonly screen: ScreenPoint;
      readonly image: ImagePoint;
      readonly isAlt: boolean;
      /** Space is held: pan, whatever the tool. */
      readonly isSpace: boolean;
      readonly isTouch: boolean;
    }
  | { readonly kind: "move"; readonly screen: ScreenPoint; readonly image: ImagePoint }
  | { readonly kind: "up"; readonly screen: ScreenPoint; readonly image: ImagePoint }
  | { readonly kind: "cancel" };

type Down = Extract<ToolEvent, { kind: "down" }>;

export type Gesture =
  | { readonly kind: "idle" }
  | { readonly kind: "pressed"; readonly down: Down }
  | { readonly kind: "boxing"; readonly from: ImagePoint; readonly to: ImagePoint }
  | { readonly kind: "panning"; readonly last: ScreenPoint };

export type Effect =
  | { readonly kind: "prompt"; readonly prompt: Prompt }
  | { readonly kind: "pan"; readonly dx: number; readonly dy: number }
  | { readonly kind: "select"; readonly at: ImagePoint };

export interface Context {
  readonly tool: ToolName;
  readonly image: Size;
}

export interface Outcome {
  readonly gesture: Gesture;
  readonly effects: readonly Effect[];
}

export const IDLE: Gesture = { kind: "idle" };
const DRAG_THRESHOLD_PX = 4;
const TOUCH_THRESHOLD_PX = 10;

export function transition(gesture: Gesture, event: ToolEvent, context: Context): Outcome {
  if (event.kind === "cancel") return { gesture: IDLE, effects: [] };
  switch (gesture.kind) {
    case "idle":
      return event.kind === "down" ? press(event, context) : stay(gesture);
    case "pressed":
      return fromPressed(gesture.down, event, context);
    case "boxing":
      return fromBoxing(gesture, event, context);
    case "panning":
      return fromPanning(gesture.last, event);
  }
}

const stay = (gesture: Gesture): Outcome => ({ gesture, effects: [] });

function press(down: Down, { tool }: Context): Outcome {
  const isPan = down.isSpace || down.button === "middle" || (tool === "pan" && down.button === "left");
  return stay(isPan ? { kind: "panning", last: down.screen } : { kind: "pressed", down });
}

function fromPressed(down: Down, event: ToolEvent, context: Context): Outcome {
  if (event.kind === "up") return { gesture: IDLE, effects: click(down, context) };
  if (event.kind !== "move" || !hasMoved(down, event.screen)) return stay({ kind: "pressed", down });
  const isBox = context.tool === "point" && isForeground(down);
  return stay(isBox ? { kind: "boxing", from: down.image, to: event.image } : { kind: "pressed", down });
}

/** A click means where the button went down: hands slip on release. */
function click(down: Down, { tool, image }: Context): Effect[] {
  if (tool === "select") return down.button === "left" ? [{ kind: "select", at: down.image }] : [];
  if (tool !== "point" || !isInside(down.image, image)) return [];
  return [{ kind: "prompt", prompt: pointPrompt(down.image, isForeground(down) ? 1 : 0) }];
}

function fromBoxing(boxing: Extract<Gesture, { kind: "boxing" }>, event: ToolEvent, { image }: Context): Outcome {
  if (event.kind === "move") return stay({ ...boxing, to: event.image });
  if (event.kind !== "up") return stay(boxing);
  const box = boxBetween(boxing.from, event.image, image);
  if (box === null) return stay(IDLE);
  return { gesture: IDLE, effects: [{ kind: "prompt", prompt: boxPrompt(box) }] };
}

function fromPanning(last: ScreenPoint, event: ToolEvent): Outcome {
  if (event.kind === "up") return stay(IDLE);
  if (event.kind !== "move") return stay({ kind: "panning", last });
  const effect: Effect = { kind: "pan", dx: event.screen.x - last.x, dy: event.screen.y - last.y };
  return { gesture: { kind: "panning", last: event.screen }, effects: [effect] };
}

const isForeground = (down: Down): boolean => down.button === "left" && !down.isAlt;

function hasMoved(down: Down, to: ScreenPoint): boolean {
  const distance = Math.hypot(to.x - down.screen.x, to.y - down.screen.y);
  return distance >= (down.isTouch ? TOUCH_THRESHOLD_PX : DRAG_THRESHOLD_PX);
}

export function pointPrompt(at: ImagePoint, label: 0 | 1): Prompt {
  return { type: "point", x: round(at.x), y: round(at.y), label, candidate: null };
}

export function boxPrompt({ x1, y1, x2, y2 }: ImageBox): Prompt {
  return { type: "box", x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2), candidate: null };
}

/** A hundredth of a pixel is finer than any hand. */
const round = (pixels: number): number => Math.round(pixels * 100) / 100;

/** The box being dragged, for the overlay. */
export function boxOf(gesture: Gesture, image: Size): ImageBox | null {
  return gesture.kind === "boxing" ? boxBetween(gesture.from, gesture.to, image) : null;
}
