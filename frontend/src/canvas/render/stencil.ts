// What the painting rules leave of a stroke or a line while the hand moves: drawn aside, cut out by the pixels that may be
// changed, then laid onto its layer.
import type { Viewport } from "../geometry";
import { regionOf } from "../masks/regions";
import type { Rle } from "../masks/rle";
import type { Surface } from "./draw";

/** What may be changed: only within one mask, nothing of others. */
export interface Limits {
  readonly inside: Rle | null;
  readonly spared: readonly Rle[];
}

/** In device pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Stencil {
  /** What `draw` draws in image space within the box, where the limits allow it: a canvas as large as the surface. */
  cut(surface: Surface, view: { viewport: Viewport; limits: Limits; box: Box }, draw: (context: CanvasRenderingContext2D) => void): HTMLCanvasElement | null;
}

const ALLOWED = 0xff000000;

/** One value a device pixel: opaque where the image pixel under its middle may be changed. */
export function stencilPixels({ inside, spared }: Limits, place: { scale: number; left: number; top: number }, width: number, height: number): Uint32Array<ArrayBuffer> {
  const pixels = new Uint32Array(width * height);
  if (inside === null) pixels.fill(ALLOWED);
  else fillMask(inside, ALLOWED);
  for (const rle of spared) fillMask(rle, 0);
  return pixels;

  function fillMask(rle: Rle, value: number): void {
    const { scale, left, top } = place;
    const { ends, height: rows } = regionOf(rle);
    // The first device pixel whose middle lies at or behind an edge between image pixels.
    const at = (edge: number, offset: number, most: number): number => Math.max(0, Math.min(most, Math.ceil(edge * scale + offset - 0.5)));
    for (let i = 1; i < ends.length; i += 2) {
      const end = ends[i] ?? 0;
      for (let start = ends[i - 1] ?? 0; start < end; ) {
        const x = Math.floor(start / rows);
        const stop = Math.min(end, (x + 1) * rows);
        const [from, to] = [at(x, left, width), at(x + 1, left, width)];
        if (from < to) {
          const bottom = at(stop - x * rows, top, height);
          for (let y = at(start - x * rows, top, height); y < bottom; y++) pixels.fill(value, y * width + from, y * width + to);
        }
        start = stop;
      }
    }
  }
}

export function createStencil(): Stencil {
  let made: { canvas: HTMLCanvasElement; limits: Limits; key: string } | null = null;
  let scratch: HTMLCanvasElement | null = null;

  const stencilOf = (limits: Limits, { left, top, scale }: Viewport, { ratio, width, height }: Surface): HTMLCanvasElement => {
    const key = [left, top, scale, ratio, width, height].join();
    if (made?.limits === limits && made.key === key) return made.canvas;
    const canvas = sized(made?.canvas ?? null, width, height);
    const pixels = stencilPixels(limits, { scale: scale * ratio, left: left * ratio, top: top * ratio }, width, height);
    canvas.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
    made = { canvas, limits, key };
    return canvas;
  };

  return {
    cut(surface, { viewport, limits, box }, draw) {
      const { ratio, width, height } = surface;
      scratch = sized(scratch, width, height);
      const context = scratch.getContext("2d");
      if (context === null || box.width <= 0 || box.height <= 0) return null;
      const stencil = stencilOf(limits, viewport, surface);
      const { x, y } = box;
      context.save();
      context.beginPath();
      context.rect(x, y, box.width, box.height);
      context.clip();
      context.clearRect(x, y, box.width, box.height);
      context.setTransform(viewport.scale * ratio, 0, 0, viewport.scale * ratio, viewport.left * ratio, viewport.top * ratio);
      draw(context);
      context.resetTransform();
      context.globalCompositeOperation = "destination-in";
      context.drawImage(stencil, x, y, box.width, box.height, x, y, box.width, box.height);
      context.restore();
      return scratch;
    },
  };
}

function sized(canvas: HTMLCanvasElement | null, width: number, height: number): HTMLCanvasElement {
  const result = canvas ?? document.createElement("canvas");
  if (result.width !== width || result.height !== height) Object.assign(result, { width, height });
  return result;
}

/** The device pixels that a path of this reach may touch; both in image pixels. */
export function boxOfPath(path: readonly { x: number; y: number }[], reach: number, { scale, left, top }: Viewport, { ratio, width, height }: Surface): Box {
  let [low, high] = [{ x: Infinity, y: Infinity }, { x: -Infinity, y: -Infinity }];
  for (const { x, y } of path) {
    low = { x: Math.min(low.x, x), y: Math.min(low.y, y) };
    high = { x: Math.max(high.x, x), y: Math.max(high.y, y) };
  }
  const from = (value: number, offset: number): number => Math.max(0, Math.floor(((value - reach) * scale + offset) * ratio) - 1);
  const to = (value: number, offset: number, most: number): number => Math.min(most, Math.ceil(((value + reach) * scale + offset) * ratio) + 1);
  const [x, y] = [from(low.x, left), from(low.y, top)];
  return { x, y, width: to(high.x, left, width) - x, height: to(high.y, top, height) - y };
}
