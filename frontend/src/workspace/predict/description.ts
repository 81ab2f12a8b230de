// What the server says of an exported decoder and of an embedding (docs/onnx.md), and how an image lies in both.
import type { Size } from "../../canvas/geometry";

/** Of a served decoder; counts up when the file's inputs, outputs or rules change. */
export const DECODER_FORMAT = 2;
/** Of a served embedding. */
export const EMBEDDING_FORMAT = 1;

export type PromptKind = "none" | "points" | "box" | "both";

export interface Rules {
  /** "pad" scales the image's long side to the input's, "stretch" both sides. */
  readonly resize: "pad" | "stretch";
  /** How many padding tokens follow the prompts, by what there is besides a mask. */
  readonly padding: Readonly<Record<PromptKind, number>>;
  /** Three masks answer while at most one of these was given. */
  readonly three_counts: "prompts" | "tokens";
  readonly stability: { readonly delta: number; readonly threshold: number } | null;
  /** "clicked": an answer is the parts of a mask that were clicked. */
  readonly parts: "all" | "clicked";
}

export interface Description {
  readonly format: number;
  readonly model_version: string;
  readonly encoder_fingerprint: string;
  /** Side of the network's square input, and of its logits, in pixels. */
  readonly image_size: number;
  readonly low_size: number;
  readonly weights: string;
  readonly rules: Rules;
}

export interface EmbeddingLayout {
  readonly format: number;
  readonly model_version: string;
  readonly encoder_fingerprint: string;
  /** Of the image. */
  readonly size_hw: readonly [number, number];
  readonly byte_length: number;
  /** Finest first; shape: channels, height, width of little-endian fp16. */
  readonly features: readonly { readonly shape: readonly [number, number, number]; readonly byte_offset: number }[];
}

/** An image of `size` resized to `resized` at the top left of a square of `inputSize`; logits cover the same square. */
export interface Frame {
  readonly size: Size;
  readonly resized: Size;
  readonly inputSize: number;
  readonly lowSize: number;
}

export function frameOf([height, width]: readonly [number, number], description: Description): Frame {
  const { image_size: inputSize, low_size: lowSize } = description;
  const size = { width, height };
  if (description.rules.resize === "stretch") return { size, resized: { width: inputSize, height: inputSize }, inputSize, lowSize };
  const scale = inputSize / Math.max(width, height);
  const side = (length: number): number => Math.max(1, Math.floor(length * scale + 0.5));
  return { size, resized: { width: side(width), height: side(height) }, inputSize, lowSize };
}
