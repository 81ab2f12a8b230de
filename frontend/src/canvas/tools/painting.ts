// Brush and eraser. The press itself paints; the stroke is a change once the button is up.
import type { ImagePoint } from "../geometry";
import { type Context, type Down, end, type Gesture, isNegative, type Outcome, stay, type Stroke, type ToolEvent } from "./gesture";

/** What the pointer has done since the last point must be visible to count. */
const LEAST_STEP_PX = 0.5;
const STEP_OF_RADIUS = 1 / 32;

export function beginPainting(down: Down, context: Context): Outcome {
  const isEraser = context.tool === "eraser" || down.isEraserEnd;
  // The swap is for tools that mean "more" of themselves; an eraser stays one.
  const erases = isEraser ? !isNegative(down, { ...context, isSwapped: false }) || down.isEraserEnd : isNegative(down, context);
  const path = down.isShift && context.lastPainted !== null ? [context.lastPainted, down.image] : [down.image];
  return stay({ kind: "painting", stroke: { path, radius: context.radius, erases } });
}

export function fromPainting(stroke: Stroke, event: ToolEvent): Outcome {
  if (event.kind === "move") return stay({ kind: "painting", stroke: { ...stroke, path: extended(stroke, event.path) } });
  if (event.kind !== "up") return stay({ kind: "painting", stroke });
  const last = stroke.path.at(-1);
  const path = last?.x === event.image.x && last.y === event.image.y ? stroke.path : [...stroke.path, event.image];
  return end({ kind: "paint", stroke: { ...stroke, path } });
}

function extended({ path, radius }: Stroke, added: readonly ImagePoint[]): readonly ImagePoint[] {
  const least = Math.max(LEAST_STEP_PX, radius * STEP_OF_RADIUS);
  const longer = [...path];
  for (const point of added) {
    const last = longer.at(-1);
    if (last === undefined || Math.hypot(point.x - last.x, point.y - last.y) >= least) longer.push(point);
  }
  return longer;
}

export const strokeOf = (gesture: Gesture): Stroke | null => (gesture.kind === "painting" ? gesture.stroke : null);
