// Points and boxes: a click is a point, a drag a box; the box tool also takes two clicks.
import { boxBetween, clampToImage, type ImageBox, type ImagePoint, isInside, type Size } from "../geometry";
import type { Prompt } from "../prompts";
import { type Context, type Down, end, type Gesture, hasMoved, IDLE, isNegative, type Outcome, stay, type ToolEvent } from "./gesture";

/** How far a hand slips at most that meant to click, where what it drew is no box. */
const SLIP_PX = 12;

export function fromPressed(down: Down, event: ToolEvent, context: Context): Outcome {
  if (event.kind === "up") return click(down, context);
  if (event.kind === "longPress" && context.tool === "point" && isInside(down.image, context.image)) {
    return { gesture: { kind: "spent" }, effects: [{ kind: "prompt", prompt: pointPrompt(down.image, context.isSwapped ? 1 : 0) }] };
  }
  if (event.kind !== "move" || !hasMoved(down, event.screen)) return stay({ kind: "pressed", down });
  const isBox = context.tool === "box" || (context.tool === "point" && down.button === "left" && !down.isAlt);
  return stay(isBox ? { kind: "boxing", down, from: down.image, to: event.image } : { kind: "pressed", down });
}

/** A click means where the button went down: hands slip on release. */
function click(down: Down, context: Context): Outcome {
  const { tool, image } = context;
  if (tool === "select") return down.button === "left" ? end({ kind: "select", at: down.image, isAdding: down.isShift }) : end();
  if (tool === "box" && down.button === "left") {
    const from = clampToImage(down.image, image);
    return stay({ kind: "cornered", from, to: from, down: null });
  }
  if ((tool !== "point" && tool !== "box") || !isInside(down.image, image)) return end();
  return end({ kind: "prompt", prompt: pointPrompt(down.image, isNegative(down, context) ? 0 : 1) });
}

export function fromBoxing(boxing: Extract<Gesture, { kind: "boxing" }>, event: ToolEvent, context: Context): Outcome {
  if (event.kind === "move") return stay({ ...boxing, to: event.image });
  if (event.kind !== "up") return stay(boxing);
  const drawn = boxBetween(boxing.from, event.image, context.image);
  // A hand that slipped along an edge, or while a pixel is larger than the slip, has clicked.
  const { screen } = boxing.down;
  const isSlip = Math.hypot(event.screen.x - screen.x, event.screen.y - screen.y) <= SLIP_PX;
  return drawn === null && isSlip ? click(boxing.down, context) : box(boxing.from, event.image, context.image);
}

export function fromCornered(cornered: Extract<Gesture, { kind: "cornered" }>, event: ToolEvent, { image }: Context): Outcome {
  if (event.kind === "corner") return box(cornered.from, event.image, image);
  if (event.kind === "move") return stay({ ...cornered, to: event.image });
  if (event.kind === "down") return stay({ ...cornered, to: event.image, down: event });
  if (event.kind === "up" && cornered.down !== null) return box(cornered.from, event.image, image);
  return stay(event.kind === "back" ? IDLE : cornered);
}

function box(from: ImagePoint, to: ImagePoint, image: Size): Outcome {
  const drawn = boxBetween(from, to, image);
  return drawn === null ? end() : end({ kind: "prompt", prompt: boxPrompt(drawn) });
}

export function pointPrompt(at: ImagePoint, label: 0 | 1): Prompt {
  return { type: "point", x: round(at.x), y: round(at.y), label, candidate: null };
}

export function boxPrompt({ x1, y1, x2, y2 }: ImageBox): Prompt {
  return { type: "box", x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2), candidate: null };
}

/** A hundredth of a pixel is finer than any hand. */
const round = (pixels: number): number => Math.round(pixels * 100) / 100;

/** The box being drawn, for the overlay. */
export function boxOf(gesture: Gesture, image: Size): ImageBox | null {
  return gesture.kind === "boxing" || gesture.kind === "cornered" ? boxBetween(gesture.from, gesture.to, image) : null;
}
