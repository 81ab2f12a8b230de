// Coordinates. Image pixels: floats, origin at the corner of the top-left pixel, centres at +0.5. Screen pixels: CSS
// pixels from the stage's top-left corner. The two are different types, so that they cannot be mixed up.

declare const space: unique symbol;

export type ImagePoint = Readonly<{ x: number; y: number }> & { readonly [space]: "image" };
export type ScreenPoint = Readonly<{ x: number; y: number }> & { readonly [space]: "screen" };

export const imagePoint = (x: number, y: number): ImagePoint => ({ x, y }) as ImagePoint;
export const screenPoint = (x: number, y: number): ScreenPoint => ({ x, y }) as ScreenPoint;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Box in image pixels, x1 < x2 and y1 < y2. */
export interface ImageBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** `scale`: screen pixels per image pixel. `left`, `top`: where the image's corner lies on the screen. */
export interface Viewport {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

export const MAX_SCALE = 32;
const MIN_VISIBLE_PX = 48;

export function toScreen(viewport: Viewport, point: ImagePoint): ScreenPoint {
  return screenPoint(point.x * viewport.scale + viewport.left, point.y * viewport.scale + viewport.top);
}

export function toImage(viewport: Viewport, point: ScreenPoint): ImagePoint {
  return imagePoint((point.x - viewport.left) / viewport.scale, (point.y - viewport.top) / viewport.scale);
}

/** The whole image, centred, `margin` screen pixels from the edges. */
export function fit(image: Size, view: Size, margin = 16): Viewport {
  const room = { width: Math.max(1, view.width - 2 * margin), height: Math.max(1, view.height - 2 * margin) };
  const scale = Math.min(room.width / image.width, room.height / image.height, MAX_SCALE);
  return centred(image, view, scale);
}

export function centred(image: Size, view: Size, scale: number): Viewport {
  return { scale, left: (view.width - image.width * scale) / 2, top: (view.height - image.height * scale) / 2 };
}

/** A rectangle of the image in the middle, with as much around it as it is large; a large one with the whole image. */
export function around(bounds: { x: number; y: number; width: number; height: number }, image: Size, view: Size): Viewport {
  const fitting = Math.min(view.width / (2 * Math.max(1, bounds.width)), view.height / (2 * Math.max(1, bounds.height)));
  const whole = fit(image, view);
  if (fitting <= whole.scale) return whole;
  const scale = Math.min(MAX_SCALE, fitting);
  const centre = { x: bounds.x + bounds.width / 2, y: bounds.y + bounds.height / 2 };
  return { scale, left: view.width / 2 - centre.x * scale, top: view.height / 2 - centre.y * scale };
}

/** Zooms by `factor`; what lies under `at` stays there. */
export function zoomAt(viewport: Viewport, at: ScreenPoint, factor: number, limits: { min: number; max: number }): Viewport {
  const scale = Math.min(limits.max, Math.max(limits.min, viewport.scale * factor));
  const ratio = scale / viewport.scale;
  return { scale, left: at.x - (at.x - viewport.left) * ratio, top: at.y - (at.y - viewport.top) * ratio };
}

/** The widest useful zoom range of an image: from half of what fits to MAX_SCALE. */
export function scaleLimits(image: Size, view: Size): { min: number; max: number } {
  const fitting = fit(image, view).scale;
  return { min: Math.min(fitting / 2, 1), max: Math.max(MAX_SCALE, fitting) };
}

/** Moves the view, keeping at least a corner of the image on the screen. */
export function panBy(viewport: Viewport, dx: number, dy: number, image: Size, view: Size): Viewport {
  return keepVisible({ ...viewport, left: viewport.left + dx, top: viewport.top + dy }, image, view);
}

export function keepVisible(viewport: Viewport, image: Size, view: Size): Viewport {
  const within = (start: number, length: number, room: number): number =>
    Math.min(room - MIN_VISIBLE_PX, Math.max(MIN_VISIBLE_PX - length, start));
  return {
    scale: viewport.scale,
    left: within(viewport.left, image.width * viewport.scale, view.width),
    top: within(viewport.top, image.height * viewport.scale, view.height),
  };
}

export function isInside(point: ImagePoint, image: Size): boolean {
  return point.x >= 0 && point.y >= 0 && point.x <= image.width && point.y <= image.height;
}

export function clampToImage(point: ImagePoint, image: Size): ImagePoint {
  return imagePoint(Math.min(image.width, Math.max(0, point.x)), Math.min(image.height, Math.max(0, point.y)));
}

/** The box between two corners, cut to the image; null when nothing of at least one pixel is left. */
export function boxBetween(a: ImagePoint, b: ImagePoint, image: Size): ImageBox | null {
  const [p, q] = [clampToImage(a, image), clampToImage(b, image)];
  const box = { x1: Math.min(p.x, q.x), y1: Math.min(p.y, q.y), x2: Math.max(p.x, q.x), y2: Math.max(p.y, q.y) };
  return box.x2 - box.x1 >= 1 && box.y2 - box.y1 >= 1 ? box : null;
}
