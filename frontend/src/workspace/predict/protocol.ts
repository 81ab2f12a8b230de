// What the page and the decoding worker say to each other.
import type { Rle } from "../../canvas/masks/rle";
import type { Prompt } from "../../canvas/prompts";
import type { Mask } from "./upsample";

export type DecodeRequest =
  /** Have image, decoder and compiled session ready. */
  | { readonly kind: "prepare"; readonly id: number; readonly imageId: number }
  | { readonly kind: "predict"; readonly id: number; readonly imageId: number; readonly modelVersion: string; readonly prompts: readonly Prompt[] }
  /** Only the shape of the best mask. */
  | { readonly kind: "preview"; readonly id: number; readonly imageId: number; readonly modelVersion: string; readonly prompts: readonly Prompt[] };

export interface Prepared {
  readonly imageId: number;
  readonly modelVersion: string;
  readonly weights: string;
  readonly threads: number;
  /** What one click takes once everything is warm. */
  readonly milliseconds: number;
}

export type BrowserMask = Mask & { predicted_iou: number };

export type DecodeAnswer =
  /** `milliseconds` of one decoding now, as in the next two; null: none was needed, all was remembered. */
  | { readonly kind: "prepared"; readonly id: number; readonly prepared: Prepared; readonly milliseconds: number | null }
  | { readonly kind: "predicted"; readonly id: number; readonly masks: readonly BrowserMask[]; readonly milliseconds: number | null }
  | { readonly kind: "previewed"; readonly id: number; readonly rle: Rle; readonly milliseconds: number | null }
  /** `isPassing`: the same may work in a while. */
  | { readonly kind: "failed"; readonly id: number; readonly message: string; readonly isPassing: boolean };
