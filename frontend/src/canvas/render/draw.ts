// How each layer is drawn. All contexts are in device pixels; markers keep their size on the screen.
import type { Bounds } from "../document";
import { imagePoint, type ScreenPoint, toScreen, type Viewport } from "../geometry";
import type { Border } from "../masks/bitmap";
import type { Look } from "./bake";
import { lighten } from "./bake";
import { DRAFT_ID, HOVER_ID, type MaskPictures, type Painted } from "./masks";
import { ACCENT, cssColour } from "./palette";
import { levelFor } from "./picture";
import { PLAIN_VIEW, type Scene, type SceneMask } from "./scene";
import type { Stencil } from "./stencil";
import { DARK, drawBrush, drawLasso, drawStroke, WHITE } from "./strokes";

export interface Surface {
  readonly context: CanvasRenderingContext2D;
  /** Device pixels per screen pixel. */
  readonly ratio: number;
  readonly width: number;
  readonly height: number;
  /** For strokes that the painting rules cut. */
  readonly stencil: Stencil;
}

const FOREGROUND = "#2fbf71";
const BACKGROUND = "#e5484d";
/** Lines lie this far outside a mask at most. */
const LINE_ROOM_PX = 4;
const DASH_PX = 7;
/** Less enlarged than this, pixels are no squares to aim at, only jagged edges. */
const SMOOTH_BELOW = 3;
const RING_RADIUS_PX = 14;
const RING_TURN_MS = 900;

export const DRAFT_LOOK: Look = { colour: ACCENT, fillOpacity: PLAIN_VIEW.fillOpacity, isDashed: false };
/** Lighter than what is there: it is only what could be. */
export const HOVER_LOOK: Look = { colour: ACCENT, fillOpacity: 0.15, isDashed: true };

/** A proposal has no fill until it is selected or hovered. */
export function lookOf({ id, colour, isProposal }: SceneMask, { selected, soloId, view }: Scene): Look {
  const isLookedAt = id === selected?.id || id === soloId;
  return { colour, fillOpacity: isProposal && !isLookedAt ? 0 : view.fillOpacity, isDashed: isProposal };
}

export function drawImage({ context, ratio, width, height }: Surface, scene: Scene): void {
  clear(context, width, height);
  if (scene.picture === null) return;
  const scale = scene.viewport.scale * ratio;
  const level = levelFor(scene.picture, scene.imageSize.width * scale);
  if (level === undefined) return;
  toImageSpace(context, scene.viewport, ratio);
  // Close up each pixel of the image is shown as it is; a derivative has other pixels and stays smooth.
  context.imageSmoothingEnabled = scale < SMOOTH_BELOW || level.width < scene.imageSize.width;
  context.imageSmoothingQuality = "low"; // the level is at most twice as fine as the screen
  context.drawImage(level, 0, 0, scene.imageSize.width, scene.imageSize.height);
}

export function drawMasks(surface: Surface, scene: Scene, pictures: MaskPictures): void {
  const { context, width, height } = surface;
  clear(context, width, height);
  if (scene.areMasksHidden) return;
  const shown = scene.soloId === null ? scene.masks : scene.masks.filter((mask) => mask.id === scene.soloId);
  for (const mask of shown) {
    if (!isOnSurface(mask.bounds, scene.viewport, surface)) continue;
    const options = { scale: scene.viewport.scale * surface.ratio, withBorder: false };
    const painted = pictures.get(mask.id, mask.rle, lookOf(mask, scene), options);
    drawMask(surface, scene.viewport, painted, { colour: mask.colour, isDashed: mask.isProposal });
  }
}

function isOnSurface(bounds: Bounds, viewport: Viewport, { ratio, width, height }: Surface): boolean {
  const [scale, left, top] = [viewport.scale * ratio, viewport.left * ratio, viewport.top * ratio];
  return (
    bounds.x * scale + left < width + LINE_ROOM_PX &&
    bounds.y * scale + top < height + LINE_ROOM_PX &&
    (bounds.x + bounds.width) * scale + left > -LINE_ROOM_PX &&
    (bounds.y + bounds.height) * scale + top > -LINE_ROOM_PX
  );
}

type Outline = Pick<Look, "colour" | "isDashed">;

function drawMask(surface: Surface, viewport: Viewport, { picture, border }: Painted, { colour, isDashed }: Outline): void {
  const { context, ratio } = surface;
  toImageSpace(context, viewport, ratio);
  const scale = viewport.scale * ratio;
  context.imageSmoothingEnabled = scale < 1;
  if (picture?.picture) context.drawImage(picture.picture, picture.x, picture.y, picture.width, picture.height);
  if (border !== null && scale > 1.5) {
    const dash = isDashed ? (DASH_PX * ratio) / scale : null;
    const path = visiblePath(border, viewport, surface, dash);
    stroke(context, path, { colour: DARK, width: (3.5 * ratio) / scale });
    stroke(context, path, { colour: cssColour(lighten(colour)), width: (1.5 * ratio) / scale });
  }
}

export function drawPreview(surface: Surface, scene: Scene, pictures: MaskPictures): void {
  const { context, width, height } = surface;
  clear(context, width, height);
  if (!scene.areMasksHidden) {
    const also = scene.masks.filter((mask) => scene.alsoSelected.includes(mask.id));
    for (const mask of also) drawSelection(surface, scene, mask, pictures);
    if (scene.selected !== null) drawSelected(surface, scene, scene.selected, pictures);
  }
  const painted = picturePreview(scene, surface.ratio, pictures);
  if (painted !== null && scene.draft !== null) {
    drawMask(surface, scene.viewport, painted, DRAFT_LOOK);
    drawSettling(surface, scene, scene.draft.counts, painted);
  } else if (painted !== null) {
    drawMask(surface, scene.viewport, painted, HOVER_LOOK);
  }
  if (scene.stroke !== null) drawStroke(surface, scene.viewport, scene.stroke, scene.view.fillOpacity);
}

/** The picture of the mask being made, else of the one under the pointer; asks for it when it is not there. */
export function picturePreview({ draft, hover, viewport, view }: Scene, ratio: number, pictures: MaskPictures): Painted | null {
  const options = { scale: viewport.scale * ratio, withBorder: false };
  if (draft !== null) return pictures.get(DRAFT_ID, draft, { ...DRAFT_LOOK, fillOpacity: view.fillOpacity }, options);
  return hover === null ? null : pictures.get(HOVER_ID, hover, HOVER_LOOK, options);
}

function drawSelected(surface: Surface, scene: Scene, mask: SceneMask, pictures: MaskPictures): void {
  const isShown = scene.soloId === null || scene.soloId === mask.id;
  const options = { scale: scene.viewport.scale * surface.ratio, withBorder: true };
  const painted = pictures.get(mask.id, mask.rle, lookOf(mask, scene), options);
  if (isShown) drawMask(surface, scene.viewport, painted, { colour: mask.colour, isDashed: mask.isProposal });
  drawSettling(surface, scene, mask.rle.counts, painted);
  if (painted.isCurrent) drawSelection(surface, scene, mask, pictures);
}

/** What has been painted since the picture at hand was made. */
function drawSettling(surface: Surface, { settling, viewport, view }: Scene, counts: string, { isCurrent }: Painted): void {
  if (isCurrent || settling.at(-1)?.leadsTo !== counts) return;
  for (const stroke of settling) drawStroke(surface, viewport, stroke, view.fillOpacity);
}

/** The double outline of a selected mask. */
function drawSelection(surface: Surface, scene: Scene, mask: SceneMask, pictures: MaskPictures): void {
  const { context, ratio } = surface;
  const scale = scene.viewport.scale * ratio;
  const { border } = pictures.get(mask.id, mask.rle, lookOf(mask, scene), { scale, withBorder: true });
  if (border === null) return;
  toImageSpace(context, scene.viewport, ratio);
  const path = visiblePath(border, scene.viewport, surface);
  stroke(context, path, { colour: WHITE, width: (6 * ratio) / scale });
  stroke(context, path, { colour: DARK, width: (4 * ratio) / scale });
  stroke(context, path, { colour: cssColour(mask.colour), width: (2 * ratio) / scale });
}

/** `now`: milliseconds, turns the ring; null stops it (reduced motion). */
export function drawPrompts(surface: Surface, scene: Scene, now: number | null): void {
  const { context, ratio, width, height } = surface;
  clear(context, width, height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  for (const prompt of scene.prompts) {
    if (prompt.type === "box") drawBox(context, scene.viewport, prompt);
    if (prompt.type === "point") drawPoint(context, toScreen(scene.viewport, imagePoint(prompt.x, prompt.y)), prompt.label);
  }
  if (scene.box !== null) drawBox(context, scene.viewport, scene.box);
  if (scene.lasso !== null) drawLasso(surface, scene.viewport, scene.lasso);
  if (scene.brush !== null) drawBrush(context, scene.viewport, scene.brush);
  if (scene.crosshair !== null) drawCrosshair(context, toScreen(scene.viewport, scene.crosshair));
  const ringAt = scene.crosshair === null ? scene.cursor : toScreen(scene.viewport, scene.crosshair);
  if (scene.isPending && ringAt !== null) drawRing(context, ringAt, now);
}

function drawPoint(context: CanvasRenderingContext2D, { x, y }: ScreenPoint, label: 0 | 1): void {
  disc(context, x, y, 9, DARK);
  disc(context, x, y, 7.5, WHITE);
  disc(context, x, y, 6, label === 1 ? FOREGROUND : BACKGROUND);
  context.fillStyle = WHITE;
  context.fillRect(x - 3.5, y - 0.75, 7, 1.5);
  if (label === 1) context.fillRect(x - 0.75, y - 3.5, 1.5, 7);
}

function disc(context: CanvasRenderingContext2D, x: number, y: number, radius: number, colour: string): void {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function drawBox(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  box: { x1: number; y1: number; x2: number; y2: number },
): void {
  const from = toScreen(viewport, imagePoint(box.x1, box.y1));
  const to = toScreen(viewport, imagePoint(box.x2, box.y2));
  const rectangle: [number, number, number, number] = [from.x, from.y, to.x - from.x, to.y - from.y];
  context.lineWidth = 3.5;
  context.strokeStyle = DARK;
  context.strokeRect(...rectangle);
  context.lineWidth = 1.5;
  context.strokeStyle = WHITE;
  context.strokeRect(...rectangle);
}

function drawCrosshair(context: CanvasRenderingContext2D, { x, y }: ScreenPoint): void {
  for (const [colour, width] of [[DARK, 3.5], [WHITE, 1.5]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 14 * dx, y + 14 * dy);
    }
    context.stroke();
  }
}

function drawRing(context: CanvasRenderingContext2D, { x, y }: ScreenPoint, now: number | null): void {
  const start = now === null ? 0 : ((now % RING_TURN_MS) / RING_TURN_MS) * 2 * Math.PI;
  for (const [colour, width] of [[DARK, 4.5], [WHITE, 2]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, RING_RADIUS_PX, start, start + 1.5 * Math.PI);
    context.stroke();
  }
}

function stroke(context: CanvasRenderingContext2D, path: Path2D, { colour, width }: { colour: string; width: number }): void {
  context.lineCap = "square";
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
}

/** The part of a border that is on the surface: zoomed in, a long border costs no more than what is seen of it. */
function visiblePath(
  { horizontal, vertical }: Border,
  viewport: Viewport,
  { ratio, width, height }: Surface,
  dash: number | null = null,
): Path2D {
  const [scale, room] = [viewport.scale * ratio, 4];
  const left = (-viewport.left * ratio - room) / scale;
  const top = (-viewport.top * ratio - room) / scale;
  const [right, bottom] = [left + (width + 2 * room) / scale, top + (height + 2 * room) / scale];
  const path = new Path2D();
  forEachBetween(horizontal, top, bottom, (y, from, to) => {
    if (to < left || from > right) return;
    forEachDash(Math.max(from, left), Math.min(to, right), dash && { length: dash, offset: y }, (start, end) => {
      path.moveTo(start, y);
      path.lineTo(end, y);
    });
  });
  forEachBetween(vertical, left, right, (x, from, to) => {
    if (to < top || from > bottom) return;
    forEachDash(Math.max(from, top), Math.min(to, bottom), dash && { length: dash, offset: -x }, (start, end) => {
      path.moveTo(x, start);
      path.lineTo(x, end);
    });
  });
  return path;
}

/** The dashes of one segment: as long as the gaps, and in step from one pixel's edge to the next. */
function forEachDash(
  from: number,
  to: number,
  dash: { length: number; offset: number } | null | 0,
  visit: (start: number, end: number) => void,
): void {
  if (!dash) return visit(from, to);
  const { length, offset } = dash;
  for (let n = 2 * Math.floor((from + offset) / (2 * length)); n * length < to + offset; n += 2) {
    const [start, end] = [Math.max(from, n * length - offset), Math.min(to, (n + 1) * length - offset)];
    if (start < end) visit(start, end);
  }
}

/** The segments on grid lines from `first` to `last`; they are sorted by line. */
function forEachBetween(
  segments: Int32Array,
  first: number,
  last: number,
  visit: (line: number, from: number, to: number) => void,
): void {
  let [low, high] = [0, segments.length / 3];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((segments[3 * middle] ?? 0) < first) low = middle + 1;
    else high = middle;
  }
  for (let i = 3 * low; i < segments.length; i += 3) {
    const line = segments[i] ?? 0;
    if (line > last) return;
    visit(line, segments[i + 1] ?? 0, segments[i + 2] ?? 0);
  }
}

function toImageSpace(context: CanvasRenderingContext2D, { scale, left, top }: Viewport, ratio: number): void {
  context.setTransform(scale * ratio, 0, 0, scale * ratio, left * ratio, top * ratio);
}

function clear(context: CanvasRenderingContext2D, width: number, height: number): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
}
