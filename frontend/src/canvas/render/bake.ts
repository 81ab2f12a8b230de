// A mask as coloured pixels: fill, a light line inside its border and a dark one outside. Pure; runs in the worker.
import { type Bitmap, shrink } from "../masks/bitmap";
import type { Rgb } from "./palette";

export interface Look {
  readonly colour: Rgb;
  /** 0..1; a proposal that is not looked at has no fill. */
  readonly fillOpacity: number;
  /** A proposal: dashed outline, and hatched instead of filled. */
  readonly isDashed: boolean;
}

/** How a mask is drawn at a zoom: shrunken by 2^shift, with lines `line` pixels wide (0: none, they are drawn as paths). */
export interface Detail {
  readonly shift: number;
  readonly line: 0 | 1 | 2;
}

export interface Baked {
  /** Rectangle in image pixels that the picture covers. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

const DARK: Rgb = [12, 13, 15];
const DARK_OPACITY = 0.85;
const LINE_LIGHTENING = 0.35;
/** What is left of the fill between the stripes of a hatch. */
const HATCH_GROUND = 0.3;
/** Dashes are where a board of such fields is light: of unequal sides, so that lines of every direction are broken. */
const DASH_PIXELS = [7, 5] as const;
const HATCH_PIXELS = 8;

/** What suits a zoom of `scale` device pixels per image pixel. Above 150 % the border is drawn as a path, sharp at any zoom. */
export function detailFor(scale: number): Detail {
  if (scale > 1.5) return { shift: 0, line: 0 };
  if (scale > 0.85) return { shift: 0, line: 1 };
  const shift = Math.max(0, Math.floor(Math.log2(1 / scale) + 1e-9));
  return { shift, line: 2 };
}

export function lighten([red, green, blue]: Rgb): Rgb {
  const up = (value: number): number => Math.round(value + (255 - value) * LINE_LIGHTENING);
  return [up(red), up(green), up(blue)];
}

export function bake(mask: Bitmap, { shift, line }: Detail, look: Look): Baked {
  const grid = withMargin(shrink(mask, shift), line === 0 ? 0 : MARGIN);
  const pixels = new Uint32Array(grid.bits.length);
  const inside = pack(look.colour, look.fillOpacity);
  const between = look.isDashed ? pack(look.colour, look.fillOpacity * HATCH_GROUND) : inside;
  for (let i = 0; i < pixels.length; i++) {
    if (grid.bits[i] !== 1) continue;
    const isStripe = ((i % grid.width) + Math.floor(i / grid.width) + grid.x + grid.y) % HATCH_PIXELS < HATCH_PIXELS / 2;
    pixels[i] = isStripe ? inside : between;
  }
  if (line > 0) drawLines(pixels, grid, { line, look });
  return {
    x: grid.x << shift,
    y: grid.y << shift,
    width: grid.width << shift,
    height: grid.height << shift,
    columns: grid.width,
    rows: grid.height,
    rgba: new Uint8ClampedArray(pixels.buffer),
  };
}

/** Room around the mask for the dark line outside it; also spares the loop below every check for the rectangle's edge. */
const MARGIN = 2;

function withMargin(mask: Bitmap, margin: number): Bitmap {
  if (margin === 0) return mask;
  const [width, height] = [mask.width + 2 * margin, mask.height + 2 * margin];
  const bits = new Uint8Array(width * height);
  for (let row = 0; row < mask.height; row++) {
    const line = mask.bits.subarray(row * mask.width, (row + 1) * mask.width);
    bits.set(line, (row + margin) * width + margin);
  }
  return { x: mask.x - margin, y: mask.y - margin, width, height, bits };
}

function drawLines(pixels: Uint32Array, grid: Bitmap, { line, look }: { line: Detail["line"]; look: Look }): void {
  const colours = [pack(DARK, DARK_OPACITY), pack(lighten(look.colour), 1)];
  const { width, height, bits } = grid;
  const neighbours = [-1, 1, -width, width];
  for (let row = 1; row < height - 1; row++) {
    for (let i = row * width + 1; i < (row + 1) * width - 1; i++) {
      const bit = bits[i] ?? 0;
      if (bits[i - 1] === bit && bits[i + 1] === bit && bits[i - width] === bit && bits[i + width] === bit) continue;
      if (look.isDashed && isGap(grid.x + (i % width), grid.y + row)) continue;
      const colour = colours[bit] ?? 0;
      pixels[i] = colour;
      if (line === 1) continue;
      for (const step of neighbours) if (bits[i + step] === bit) pixels[i + step] = colour;
    }
  }
}

const isGap = (x: number, y: number): boolean =>
  ((Math.floor(x / DASH_PIXELS[0]) + Math.floor(y / DASH_PIXELS[1])) & 1) !== 0;

/** One pixel as it lies in memory: red first on every machine browsers run on (little-endian). */
function pack([red, green, blue]: Rgb, opacity: number): number {
  return ((Math.round(opacity * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
