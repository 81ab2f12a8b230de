// What lies under a finger, enlarged beside it.
import type { ScreenPoint, Size } from "../geometry";
import { DARK, WHITE } from "./strokes";

export const LOUPE_RADIUS_PX = 56;
/** From the finger's middle to the loupe's edge: a fingertip hides about as much. */
const GAP_PX = 36;
const MAGNIFICATION = 2;
const CROSS_PX = 9;

/** The middle of the loupe: above the finger, at the upper edge beside it; null where there is no room. Below lies the hand. */
export function loupePlace({ x, y }: { x: number; y: number }, view: Size): { x: number; y: number } | null {
  const reach = GAP_PX + LOUPE_RADIUS_PX;
  const within = (value: number, most: number): number => Math.max(LOUPE_RADIUS_PX, Math.min(most - LOUPE_RADIUS_PX, value));
  if (Math.min(view.width, view.height) < 2 * LOUPE_RADIUS_PX) return null;
  if (y - reach >= LOUPE_RADIUS_PX) return { x: within(x, view.width), y: y - reach };
  if (x - reach >= LOUPE_RADIUS_PX) return { x: x - reach, y: within(y, view.height) };
  return x + reach <= view.width - LOUPE_RADIUS_PX ? { x: x + reach, y: within(y, view.height) } : null;
}

export interface Loupe {
  /** Shows the layers as they are now around the finger; null hides it. */
  draw(finger: ScreenPoint | null, layers: readonly HTMLCanvasElement[]): void;
  close(): void;
}

export function createLoupe(stage: HTMLElement): Loupe {
  let canvas: HTMLCanvasElement | null = null;

  const begin = (): HTMLCanvasElement => {
    const made = document.createElement("canvas");
    made.dataset["loupe"] = "";
    made.setAttribute("aria-hidden", "true");
    const side = `${2 * LOUPE_RADIUS_PX}px`;
    Object.assign(made.style, { position: "absolute", left: "0", top: "0", width: side, height: side, borderRadius: "50%", pointerEvents: "none", boxShadow: `0 0 0 2px ${WHITE}, 0 0 0 3px ${DARK}` });
    stage.append(made);
    return made;
  };

  return {
    draw(finger, layers) {
      const place = finger === null ? null : loupePlace(finger, { width: stage.clientWidth, height: stage.clientHeight });
      if (finger === null || place === null) {
        canvas?.remove();
        canvas = null;
        return;
      }
      canvas ??= begin();
      canvas.style.transform = `translate(${place.x - LOUPE_RADIUS_PX}px, ${place.y - LOUPE_RADIUS_PX}px)`;
      const side = Math.round(2 * LOUPE_RADIUS_PX * devicePixelRatio);
      if (canvas.width !== side) Object.assign(canvas, { width: side, height: side });
      const context = canvas.getContext("2d");
      if (context === null) return;
      context.fillStyle = getComputedStyle(stage).backgroundColor;
      context.fillRect(0, 0, side, side);
      const seen = side / MAGNIFICATION;
      const [left, top] = [finger.x * devicePixelRatio - seen / 2, finger.y * devicePixelRatio - seen / 2];
      for (const layer of layers) {
        context.filter = layer.style.filter || "none"; // brightness and contrast of the photo
        context.drawImage(layer, left, top, seen, seen, 0, 0, side, side);
      }
      context.filter = "none";
      drawCross(context, side / 2);
    },
    close: () => canvas?.remove(),
  };
}

function drawCross(context: CanvasRenderingContext2D, middle: number): void {
  const arm = CROSS_PX * devicePixelRatio;
  for (const [colour, width] of [[DARK, 3], [WHITE, 1]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width * devicePixelRatio;
    context.beginPath();
    context.moveTo(middle - arm, middle);
    context.lineTo(middle + arm, middle);
    context.moveTo(middle, middle - arm);
    context.lineTo(middle, middle + arm);
    context.stroke();
  }
}
