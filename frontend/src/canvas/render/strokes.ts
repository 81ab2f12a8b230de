// What brush, eraser and lasso draw while the hand moves: the stroke itself, the ring of its true size, the lasso's line.
import { type ImagePoint, toScreen, type Viewport } from "../geometry";
import type { Surface } from "./draw";
import { ACCENT, cssColour } from "./palette";
import type { SceneLasso, SceneStroke } from "./scene";
import { boxOfPath, type Limits } from "./stencil";

export const DARK = "rgb(12 13 15 / 0.85)";
export const WHITE = "#ffffff";
const SUBTRACTING = "#e5484d";
const VERTEX_RADIUS_PX = 4;
/** A fill too thin to be seen would make painting blind. */
const LEAST_OPACITY = 0.25;

/** Paints or erases along a path, from the point number `from` on; the rest is on the layer already. */
export function drawStroke(surface: Surface, viewport: Viewport, stroke: SceneStroke, opacity: number, from = 0): void {
  const { context, ratio } = surface;
  const path = stroke.path.slice(Math.max(0, from - 1));
  if (path.length === 0) return;
  const { limits, radius } = stroke;
  const line = lineOf(path);
  const draw = (to: CanvasRenderingContext2D): void => {
    to.lineCap = "round";
    to.lineJoin = "round";
    to.lineWidth = 2 * radius;
    to.strokeStyle = cssColour(stroke.colour);
    to.stroke(line);
  };
  if (limits === null) {
    const scale = viewport.scale * ratio;
    context.setTransform(scale, 0, 0, scale, viewport.left * ratio, viewport.top * ratio);
    return lay(context, stroke, opacity, draw);
  }
  const box = boxOfPath(path, radius, viewport, surface);
  const cut = surface.stencil.cut(surface, { viewport, limits, box }, draw);
  if (cut === null) return;
  const { x, y, width, height } = box;
  context.setTransform(1, 0, 0, 1, 0, 0);
  lay(context, stroke, opacity, (to) => to.drawImage(cut, x, y, width, height, x, y, width, height));
}

function lineOf([first, ...rest]: SceneStroke["path"]): Path2D {
  const line = new Path2D();
  if (first === undefined) return line;
  line.moveTo(first.x, first.y);
  // A path of one point is a dot: round caps draw it once the line has a length.
  if (rest.length === 0) line.lineTo(first.x + 1e-3, first.y);
  for (const { x, y } of rest) line.lineTo(x, y);
  return line;
}

/** Cleared first, so that where a stroke crosses itself it gets no denser. */
function lay(context: CanvasRenderingContext2D, { erases }: SceneStroke, opacity: number, draw: (to: CanvasRenderingContext2D) => void): void {
  context.globalCompositeOperation = "destination-out";
  draw(context);
  context.globalCompositeOperation = "source-over";
  if (erases) return;
  context.globalAlpha = Math.max(LEAST_OPACITY, opacity);
  draw(context);
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

export function drawLasso(surface: Surface, viewport: Viewport, lasso: SceneLasso): void {
  const { context } = surface;
  const { vertices, erases, limits } = lasso;
  if (limits !== null) drawEnclosed(surface, viewport, { ...lasso, limits });
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

/** What the line would change if it were closed now: with rules, that is not all it encloses. */
function drawEnclosed(surface: Surface, viewport: Viewport, { vertices, erases, limits }: SceneLasso & { limits: Limits }): void {
  const { context, ratio } = surface;
  const box = boxOfPath(vertices, 0, viewport, surface);
  const cut = surface.stencil.cut(surface, { viewport, limits, box }, (to) => {
    to.fillStyle = erases ? SUBTRACTING : cssColour(ACCENT);
    to.fill(lineOf(vertices)); // non-zero, as the pixels are found
  });
  if (cut === null) return;
  const { x, y, width, height } = box;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = LEAST_OPACITY;
  context.drawImage(cut, x, y, width, height, x, y, width, height);
  context.globalAlpha = 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}
