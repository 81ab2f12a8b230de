// What brush, eraser and lasso draw while the hand moves: the stroke itself, the ring of its true size, the lasso's line.
import { type ImagePoint, toScreen, type Viewport } from "../geometry";
import type { Surface } from "./draw";
import { cssColour } from "./palette";
import type { SceneStroke } from "./scene";

export const DARK = "rgb(12 13 15 / 0.85)";
export const WHITE = "#ffffff";
const SUBTRACTING = "#e5484d";
const VERTEX_RADIUS_PX = 4;
/** A fill too thin to be seen would make painting blind. */
const LEAST_OPACITY = 0.25;

/** Paints or erases along a path, from the point number `from` on; the rest is on the layer already. */
export function drawStroke({ context, ratio }: Surface, viewport: Viewport, stroke: SceneStroke, opacity: number, from = 0): void {
  const path = new Path2D();
  const [first, ...rest] = stroke.path.slice(Math.max(0, from - 1));
  if (first === undefined) return;
  path.moveTo(first.x, first.y);
  // A path of one point is a dot: round caps draw it once the line has a length.
  if (rest.length === 0) path.lineTo(first.x + 1e-3, first.y);
  for (const { x, y } of rest) path.lineTo(x, y);
  const scale = viewport.scale * ratio;
  context.setTransform(scale, 0, 0, scale, viewport.left * ratio, viewport.top * ratio);
  context.lineCap = "round";
  context.lineJoin = "round";
  context.lineWidth = 2 * stroke.radius;
  context.strokeStyle = "#000";
  // Cleared first, so that where a stroke crosses itself it gets no denser.
  context.globalCompositeOperation = "destination-out";
  context.stroke(path);
  context.globalCompositeOperation = "source-over";
  if (stroke.erases) return;
  context.globalAlpha = Math.max(LEAST_OPACITY, opacity);
  context.strokeStyle = cssColour(stroke.colour);
  context.stroke(path);
  context.globalAlpha = 1;
}

export function drawBrush(context: CanvasRenderingContext2D, viewport: Viewport, { at, radius }: { at: ImagePoint; radius: number }): void {
  const { x, y } = toScreen(viewport, at);
  for (const [colour, width] of [[DARK, 3], [WHITE, 1.5]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, Math.max(1, radius * viewport.scale), 0, 2 * Math.PI);
    context.stroke();
  }
}

export function drawLasso(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  { vertices, erases }: { vertices: readonly ImagePoint[]; erases: boolean },
): void {
  const [first, ...rest] = vertices.map((vertex) => toScreen(viewport, vertex));
  if (first === undefined) return;
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (const { x, y } of rest) context.lineTo(x, y);
  for (const [colour, width] of [[DARK, 3.5], [erases ? SUBTRACTING : WHITE, 1.5]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
  }
  context.beginPath();
  context.arc(first.x, first.y, VERTEX_RADIUS_PX, 0, 2 * Math.PI);
  context.fillStyle = WHITE;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = DARK;
  context.stroke();
}
