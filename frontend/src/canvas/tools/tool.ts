// Tools as state machines: a gesture's next state and what it asks for. No DOM, no canvas, no clock.
import { clampToImage, type ScreenPoint } from "../geometry";
import { type Context, type Down, type Gesture, IDLE, type Outcome, stay, type ToolEvent } from "./gesture";
import { beginLasso, fromLassoing } from "./lasso";
import { beginPainting, fromPainting } from "./painting";
import { fromBoxing, fromCornered, fromPressed } from "./pointing";

export function transition(gesture: Gesture, event: ToolEvent, context: Context): Outcome {
  if (event.kind === "cancel") return stay(IDLE);
  if (event.kind === "down" && (event.isPan || event.button === "middle") && gesture.kind !== "panning") {
    return stay({ kind: "panning", last: event.screen, resume: gesture });
  }
  if (event.kind === "unpress") return unpress(gesture, context);
  switch (gesture.kind) {
    case "idle":
      return fromIdle(event, context);
    case "pressed":
      return fromPressed(gesture.down, event, context);
    case "boxing":
      return fromBoxing(gesture, event, context);
    case "cornered":
      return fromCornered(gesture, event, context);
    case "painting":
      return fromPainting(gesture.stroke, event);
    case "lassoing":
      return fromLassoing(gesture, event, context);
    case "panning":
      return fromPanning(gesture, event);
    case "spent":
      return stay(event.kind === "up" ? IDLE : gesture);
  }
}

/** Lines and boxes that are made of several presses go on without this one. */
function unpress(gesture: Gesture, context: Context): Outcome {
  if (gesture.kind === "lassoing") return fromLassoing(gesture, { kind: "unpress" }, context);
  if (gesture.kind === "cornered") return stay({ ...gesture, down: null });
  return stay(gesture.kind === "panning" ? gesture.resume : IDLE);
}

function fromIdle(event: ToolEvent, context: Context): Outcome {
  if (event.kind === "down") return press(event, context);
  if (event.kind !== "corner") return stay(IDLE);
  const from = clampToImage(event.image, context.image);
  return stay({ kind: "cornered", from, to: from, down: null });
}

function press(down: Down, context: Context): Outcome {
  const { tool } = context;
  if (tool === "pan") return stay(down.button === "left" ? { kind: "panning", last: down.screen, resume: IDLE } : IDLE);
  if (tool === "brush" || tool === "eraser" || down.isEraserEnd) return beginPainting(down, context);
  return tool === "lasso" ? beginLasso(down, context) : stay({ kind: "pressed", down });
}

function fromPanning(panning: Extract<Gesture, { kind: "panning" }>, event: ToolEvent): Outcome {
  if (event.kind === "up") return stay(panning.resume);
  if (event.kind !== "move") return stay(panning);
  const effect = { kind: "pan" as const, ...between(panning.last, event.screen) };
  return { gesture: { ...panning, last: event.screen }, effects: [effect] };
}

const between = (from: ScreenPoint, to: ScreenPoint): { dx: number; dy: number } => ({ dx: to.x - from.x, dy: to.y - from.y });

/** Whether something is open that a key can end, take back or cancel; a pressed button alone is not. */
export const isOpen = (gesture: Gesture): boolean => gesture.kind !== "idle" && gesture.kind !== "spent";
