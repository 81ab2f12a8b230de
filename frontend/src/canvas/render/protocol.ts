// What page and painting worker say to each other.
import type { Border } from "../masks/bitmap";
import type { Rle } from "../masks/rle";
import type { Detail, Look } from "./bake";

export type PaintRequest =
  | { readonly kind: "bake"; readonly id: number; readonly rle: Rle; readonly detail: Detail; readonly look: Look }
  | { readonly kind: "border"; readonly id: number; readonly rle: Rle };

export interface PaintedMask {
  /** null when the mask has no pixels. */
  readonly picture: ImageBitmap | null;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export type PaintAnswer =
  | { readonly kind: "bake"; readonly id: number; readonly painted: PaintedMask }
  | { readonly kind: "border"; readonly id: number; readonly border: Border }
  | { readonly kind: "failed"; readonly id: number; readonly message: string };
