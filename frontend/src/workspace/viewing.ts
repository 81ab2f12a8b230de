// What part of the photo the stage shows: fit, zoom, pan, pinch; kept from one photo to the next of the same size.
import type { Bounds } from "../canvas/document";
import {
  around, centred, fit, imagePoint, keepVisible, panBy, scaleLimits, type ScreenPoint, screenPoint, type Size, toScreen,
  type Viewport, zoomAt,
} from "../canvas/geometry";

export interface Viewing {
  viewport(): Viewport;
  image(): Size;
  /** The stage, in screen pixels. */
  view(): Size;
  /** Another photo: fitted, unless the person has chosen a part of one of the same size. */
  open(image: Size): void;
  resize(view: Size): void;
  fit(): void;
  actualSize(at: ScreenPoint | null): void;
  zoom(at: ScreenPoint | null, factor: number): void;
  pan(dx: number, dy: number): void;
  /** What lay under two fingers stays under them. */
  pinch(from: readonly [ScreenPoint, ScreenPoint], to: readonly [ScreenPoint, ScreenPoint]): void;
  /** A mask as large as the view; again: what was seen before. */
  zoomTo(bounds: Bounds | null): void;
  /** Moves when a mask selected by key lies outside; a view zoomed to a mask follows to the next. */
  follow(bounds: Bounds): void;
}

export function createViewing(onLook: (viewport: Viewport) => void): Viewing {
  let view: Size = { width: 1, height: 1 };
  let image: Size = { width: 1, height: 1 };
  let viewport: Viewport = { scale: 1, left: 0, top: 0 };
  // Before rounding, so that many small moves add up to what the hand did.
  let exact = viewport;
  let isFitted = true;
  let beforeZoom: Viewport | null = null;

  const look = (next: Viewport): void => {
    exact = next;
    const { scale, left, top } = next;
    // Whole device pixels: panning then moves what is drawn instead of drawing it again.
    const whole = (place: number): number => Math.round(place * devicePixelRatio) / devicePixelRatio;
    viewport = { scale, left: whole(left), top: whole(top) };
    onLook(viewport);
  };
  const fitNow = (): void => {
    [isFitted, beforeZoom] = [true, null];
    look(fit(image, view));
  };
  const zoomed = (from: Viewport, at: ScreenPoint, factor: number): Viewport => zoomAt(from, at, factor, scaleLimits(image, view));
  const zoom = (at: ScreenPoint | null, factor: number): void => {
    [isFitted, beforeZoom] = [false, null];
    look(keepVisible(zoomed(exact, at ?? screenPoint(view.width / 2, view.height / 2), factor), image, view));
  };

  return {
    viewport: () => viewport,
    image: () => image,
    view: () => view,
    open(next) {
      const isSame = next.width === image.width && next.height === image.height;
      image = next;
      if (isFitted || !isSame) fitNow();
      else onLook(viewport); // the same place of another photo
    },
    resize(next) {
      view = next;
      look(isFitted ? fit(image, view) : keepVisible(exact, image, view));
    },
    fit: fitNow,
    actualSize(at) {
      isFitted = false;
      const next = centred(image, view, 1 / devicePixelRatio);
      look(at === null ? next : zoomed(viewport, at, next.scale / viewport.scale));
    },
    zoom,
    pan(dx, dy) {
      isFitted = false;
      look(panBy(exact, dx, dy, image, view));
    },
    pinch(from, to) {
      const [before, after] = [middle(from), middle(to)];
      [isFitted, beforeZoom] = [false, null];
      const moved = { ...exact, left: exact.left + after.x - before.x, top: exact.top + after.y - before.y };
      look(keepVisible(zoomed(moved, after, distance(to) / Math.max(1, distance(from))), image, view));
    },
    zoomTo(bounds) {
      if (beforeZoom !== null) {
        const back = beforeZoom;
        beforeZoom = null;
        look(keepVisible(back, image, view));
      } else if (bounds !== null) {
        [beforeZoom, isFitted] = [exact, false];
        look(around(bounds, image, view));
      }
    },
    follow(bounds) {
      if (beforeZoom !== null) return look(around(bounds, image, view));
      const centre = toScreen(viewport, imagePoint(bounds.x + bounds.width / 2, bounds.y + bounds.height / 2));
      const isSeen = centre.x >= 0 && centre.y >= 0 && centre.x <= view.width && centre.y <= view.height;
      if (!isSeen) look(panBy(exact, view.width / 2 - centre.x, view.height / 2 - centre.y, image, view));
    },
  };
}

type Pair = readonly [ScreenPoint, ScreenPoint];
const middle = ([a, b]: Pair): ScreenPoint => screenPoint((a.x + b.x) / 2, (a.y + b.y) / 2);
const distance = ([a, b]: Pair): number => Math.hypot(a.x - b.x, a.y - b.y);
