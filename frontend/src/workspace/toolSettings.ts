// What a person has set of the tools and of the view; kept in this browser from one day to the next.
import { PLAIN_VIEW, type View } from "../canvas/render/scene";

export interface ToolSettings {
  /** Of brush and eraser, in whole image pixels. */
  readonly radius: number;
  /** Brush and lasso only change what lies inside the selected mask. */
  readonly isInsideOnly: boolean;
  /** What is added takes nothing that belongs to another mask. */
  readonly sparesOthers: boolean;
  /** Parts smaller than this many pixels are islands. */
  readonly islandArea: number;
  /** Fingers only move the view, because a pen is in use; null: no pen was seen yet, and nobody has said. */
  readonly isPenMode: boolean | null;
  readonly view: View;
}

export const RADIUS_LIMITS = { min: 1, max: 300 } as const;
const KEY = "segloop-tools";
const DEFAULTS: ToolSettings = {
  radius: 12,
  isInsideOnly: false,
  sparesOthers: false,
  islandArea: 100,
  isPenMode: null,
  view: PLAIN_VIEW,
};

export function loadToolSettings(): ToolSettings {
  try {
    const saved = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<ToolSettings>;
    return { ...DEFAULTS, ...saved, view: { ...PLAIN_VIEW, ...saved.view } };
  } catch {
    return DEFAULTS; // somebody else's text under our key
  }
}

export function saveToolSettings(settings: ToolSettings): void {
  localStorage.setItem(KEY, JSON.stringify(settings));
}

/** One step of the brush's size: a pixel when it is small, a tenth when it is large; `times` as many. */
export function resized(radius: number, direction: 1 | -1, times = 1): number {
  let next = radius;
  for (let i = 0; i < times; i++) next += direction * Math.max(1, Math.round(next / 10));
  return Math.min(RADIUS_LIMITS.max, Math.max(RADIUS_LIMITS.min, next));
}
