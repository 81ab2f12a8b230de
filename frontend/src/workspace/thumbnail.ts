// Which piece of the photo the thumbnail of an offered mask shows.
import type { Size } from "../canvas/geometry";

export interface Frame {
  /** Thumbnail pixels per image pixel, and the image point at its top-left corner. */
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

/** Of the thumbnail, room for what is framed. */
const FILLED = 0.8;
/** A mask that is smaller than this share of the piece that holds all would not be seen. */
const LEAST_SHARE = 1 / 4;
const MOST_SCALE = 2;

/** The piece that holds every mask of the answer, the same for all of them; for one much smaller than it, a part of it. */
export function frameFor(own_xywh: readonly number[], all_xywh: readonly (readonly number[])[], thumbnail: Size): Frame {
  const [ownX = 0, ownY = 0, ownWidth = 0, ownHeight = 0] = own_xywh;
  if (all_xywh.length === 0) return { scale: MOST_SCALE, x: 0, y: 0 };
  const left = Math.min(...all_xywh.map(([x = 0]) => x));
  const top = Math.min(...all_xywh.map(([, y = 0]) => y));
  const right = Math.max(...all_xywh.map(([x = 0, , width = 0]) => x + width));
  const bottom = Math.max(...all_xywh.map(([, y = 0, , height = 0]) => y + height));
  const scaleOf = (width: number, height: number): number =>
    Math.min((FILLED * thumbnail.width) / Math.max(1, width), (FILLED * thumbnail.height) / Math.max(1, height), MOST_SCALE);
  const whole = scaleOf(right - left, bottom - top);
  const near = scaleOf(ownWidth / LEAST_SHARE, ownHeight / LEAST_SHARE);
  const isNear = ownWidth > 0 && near > whole;
  const scale = isNear ? near : whole;
  const [x, y] = isNear ? [ownX + ownWidth / 2, ownY + ownHeight / 2] : [(left + right) / 2, (top + bottom) / 2];
  return { scale, x: x - thumbnail.width / 2 / scale, y: y - thumbnail.height / 2 / scale };
}
