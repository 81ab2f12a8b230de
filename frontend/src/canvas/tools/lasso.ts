// The lasso: a line drawn freehand, by clicks, or by both; it is closed on its first point, by Enter or a double click.
import { clampToImage, type ImagePoint } from "../geometry";
import { type Context, type Down, end, type Gesture, hasMoved, IDLE, isNegative, type Outcome, stay, type ToolEvent } from "./gesture";

type Lassoing = Extract<Gesture, { kind: "lassoing" }>;

/** This near to the first point, in screen pixels, the line is closed. */
const CLOSE_PX = 9;
const CLOSE_TOUCH_PX = 22;
const LEAST_VERTICES = 3;

export function beginLasso(down: Down, context: Context): Outcome {
  const at = clampToImage(down.image, context.image);
  const lasso = { vertices: [at], erases: isNegative(down, context) };
  return stay({ kind: "lassoing", lasso, to: at, down, kept: 0, isFreehand: false });
}

export function fromLassoing(state: Lassoing, event: ToolEvent, context: Context): Outcome {
  switch (event.kind) {
    case "down":
      return press(state, event, context);
    case "move":
      return follow(state, event, context);
    case "up":
      return release(state, context);
    case "finish":
      return close(state);
    case "back":
      return takeBack(state);
    case "unpress":
      return unpress(state);
    default:
      return stay(state);
  }
}

function press(state: Lassoing, down: Down, context: Context): Outcome {
  const at = clampToImage(down.image, context.image);
  const { vertices } = state.lasso;
  const reach = (down.isTouch ? CLOSE_TOUCH_PX : CLOSE_PX) / context.scale;
  const isNear = (to: ImagePoint | undefined): boolean => to !== undefined && Math.hypot(at.x - to.x, at.y - to.y) <= reach;
  // On the first point, or twice on the last one.
  if (vertices.length >= LEAST_VERTICES && (isNear(vertices[0]) || isNear(vertices.at(-1)))) return close(state, { kind: "spent" });
  return stay({ ...withVertices(state, [...vertices, at]), to: at, down, kept: vertices.length, isFreehand: false });
}

function follow(state: Lassoing, { screen, image, path }: Extract<ToolEvent, { kind: "move" }>, context: Context): Outcome {
  const to = clampToImage(image, context.image);
  const isFreehand = state.isFreehand || (state.down !== null && hasMoved(state.down, screen));
  if (!isFreehand) return stay({ ...state, to });
  const vertices = [...state.lasso.vertices, ...path.map((point) => clampToImage(point, context.image))];
  return stay({ ...withVertices(state, vertices), to, isFreehand });
}

/** A line that was drawn in one go is closed by letting go. */
function release(state: Lassoing, context: Context): Outcome {
  const [first] = state.lasso.vertices;
  const isOneGo = state.isFreehand && state.down !== null && first !== undefined && isAt(state.down, first, context);
  return isOneGo ? close(state) : stay({ ...state, down: null, isFreehand: false });
}

const isAt = (down: Down, first: ImagePoint, { image }: Context): boolean => {
  const at = clampToImage(down.image, image);
  return at.x === first.x && at.y === first.y;
};

function close({ lasso }: Lassoing, after: Gesture = IDLE): Outcome {
  const effects = lasso.vertices.length < LEAST_VERTICES ? [] : [{ kind: "lasso" as const, lasso }];
  return effects.length === 0 ? end() : { gesture: after, effects };
}

function takeBack(state: Lassoing): Outcome {
  const vertices = state.lasso.vertices.slice(0, -1);
  return vertices.length === 0 ? end() : stay(withVertices(state, vertices));
}

/** Only what this press has added goes. */
function unpress(state: Lassoing): Outcome {
  if (state.down === null) return stay(state);
  const vertices = state.lasso.vertices.slice(0, state.kept);
  return vertices.length === 0 ? end() : stay({ ...withVertices(state, vertices), down: null, isFreehand: false });
}

const withVertices = (state: Lassoing, vertices: readonly ImagePoint[]): Lassoing => ({ ...state, lasso: { ...state.lasso, vertices } });

/** The line being drawn, with the place it would go on to. */
export function lassoLineOf(gesture: Gesture): { vertices: readonly ImagePoint[]; erases: boolean } | null {
  if (gesture.kind === "panning") return lassoLineOf(gesture.resume);
  if (gesture.kind !== "lassoing") return null;
  const { lasso, to, isFreehand } = gesture;
  return { vertices: isFreehand ? lasso.vertices : [...lasso.vertices, to], erases: lasso.erases };
}
