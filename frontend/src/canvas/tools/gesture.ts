// What tools are told, what state they are in, what they ask for.
import type { ImagePoint, ScreenPoint, Size } from "../geometry";
import type { Prompt } from "../prompts";

export const TOOL_NAMES = ["point", "box", "brush", "eraser", "lasso", "select", "pan"] as const;
export type ToolName = (typeof TOOL_NAMES)[number];
export type Button = "left" | "middle" | "right";

export interface Down {
  readonly kind: "down";
  readonly button: Button;
  readonly screen: ScreenPoint;
  readonly image: ImagePoint;
  readonly isAlt: boolean;
  readonly isShift: boolean;
  /** Moves the view, whatever the tool: Space is held, or a finger touches while a pen is in use. */
  readonly isPan: boolean;
  readonly isTouch: boolean;
  /** The pen is turned round. */
  readonly isEraserEnd: boolean;
}

export type ToolEvent =
  | Down
  /** `path`: where the pointer has been since the last event, `image` being the last of it. */
  | { readonly kind: "move"; readonly screen: ScreenPoint; readonly image: ImagePoint; readonly path: readonly ImagePoint[] }
  | { readonly kind: "up"; readonly screen: ScreenPoint; readonly image: ImagePoint }
  /** The finger has rested. */
  | { readonly kind: "longPress" }
  /** A corner of a box by key, where the pointer or the crosshair is. */
  | { readonly kind: "corner"; readonly image: ImagePoint }
  /** What is open is to be ended as it is: the lasso's line goes back to where it began. */
  | { readonly kind: "finish" }
  /** The last step within the gesture is taken back. */
  | { readonly kind: "back" }
  /** The press never was: a second finger came, or the browser took the pointer. */
  | { readonly kind: "unpress" }
  | { readonly kind: "cancel" };

/** Pixels to add or to take away along a path, within `radius` image pixels of it. */
export interface Stroke {
  readonly path: readonly ImagePoint[];
  readonly radius: number;
  readonly erases: boolean;
}

export interface Lasso {
  readonly vertices: readonly ImagePoint[];
  readonly erases: boolean;
}

export type Gesture =
  | { readonly kind: "idle" }
  | { readonly kind: "pressed"; readonly down: Down }
  | { readonly kind: "boxing"; readonly down: Down; readonly from: ImagePoint; readonly to: ImagePoint }
  /** One corner is set by a click or by key; the next one ends the box. */
  | { readonly kind: "cornered"; readonly from: ImagePoint; readonly to: ImagePoint; readonly down: Down | null }
  | { readonly kind: "painting"; readonly stroke: Stroke }
  /** `down`: the press that set the last vertex, while it lasts, `kept` the vertices before it; `isFreehand`: the line follows the pointer. */
  | { readonly kind: "lassoing"; readonly lasso: Lasso; readonly to: ImagePoint; readonly down: Down | null; readonly kept: number; readonly isFreehand: boolean }
  /** `resume`: what was going on when Space was pressed. */
  | { readonly kind: "panning"; readonly last: ScreenPoint; readonly resume: Gesture }
  /** All that this press meant has been done. */
  | { readonly kind: "spent" };

export type Effect =
  | { readonly kind: "prompt"; readonly prompt: Prompt }
  | { readonly kind: "pan"; readonly dx: number; readonly dy: number }
  | { readonly kind: "select"; readonly at: ImagePoint; readonly isAdding: boolean }
  | { readonly kind: "paint"; readonly stroke: Stroke }
  | { readonly kind: "lasso"; readonly lasso: Lasso };

export interface Context {
  readonly tool: ToolName;
  readonly image: Size;
  /** Of the brush, in whole image pixels. */
  readonly radius: number;
  /** "On the object" and "off it" have changed places. */
  readonly isSwapped: boolean;
  /** Screen pixels per image pixel. */
  readonly scale: number;
  /** Where the last stroke ended: Shift draws a straight line from there. */
  readonly lastPainted: ImagePoint | null;
}

export interface Outcome {
  readonly gesture: Gesture;
  readonly effects: readonly Effect[];
}

export const IDLE: Gesture = { kind: "idle" };
export const stay = (gesture: Gesture): Outcome => ({ gesture, effects: [] });
export const end = (...effects: Effect[]): Outcome => ({ gesture: IDLE, effects });

const DRAG_THRESHOLD_PX = 4;
const TOUCH_THRESHOLD_PX = 10;

/** Whether the hand has moved on purpose since the press. */
export function hasMoved(down: Down, to: ScreenPoint): boolean {
  return Math.hypot(to.x - down.screen.x, to.y - down.screen.y) >= (down.isTouch ? TOUCH_THRESHOLD_PX : DRAG_THRESHOLD_PX);
}

/** Right button, Alt and the swap each turn the meaning round. */
export function isNegative({ button, isAlt }: Pick<Down, "button" | "isAlt">, { isSwapped }: Context): boolean {
  return (button === "right" || isAlt) !== isSwapped;
}

