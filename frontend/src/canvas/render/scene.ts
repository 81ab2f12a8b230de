// Everything the stage shows, as plain values. The renderer draws again what differs from the scene before.
import type { ImageBox, ImagePoint, ScreenPoint, Size, Viewport } from "../geometry";
import type { Bounds } from "../document";
import type { Rle } from "../masks/rle";
import type { Prompt } from "../prompts";
import type { Rgb } from "./palette";
import type { Picture } from "./picture";

export interface SceneMask {
  readonly id: string;
  readonly rle: Rle;
  readonly bounds: Bounds;
  readonly colour: Rgb;
  readonly isProposal: boolean;
}

export interface Scene {
  /** What is drawn for the image: any resolution, stretched to `imageSize`. */
  readonly picture: Picture | null;
  readonly imageSize: Size;
  readonly viewport: Viewport;
  /** In drawing order. */
  readonly masks: readonly SceneMask[];
  readonly selectedId: string | null;
  /** The one mask to show alone, while the list is hovered. */
  readonly soloId: string | null;
  readonly areMasksHidden: boolean;
  readonly draft: Rle | null;
  readonly prompts: readonly Prompt[];
  readonly box: ImageBox | null;
  /** The keyboard's crosshair. */
  readonly crosshair: ImagePoint | null;
  readonly cursor: ScreenPoint | null;
  /** Shows the ring of a pending call at the cursor. */
  readonly isPending: boolean;
}

export const EMPTY_SCENE: Scene = {
  picture: null,
  imageSize: { width: 1, height: 1 },
  viewport: { scale: 1, left: 0, top: 0 },
  masks: [],
  selectedId: null,
  soloId: null,
  areMasksHidden: false,
  draft: null,
  prompts: [],
  box: null,
  crosshair: null,
  cursor: null,
  isPending: false,
};

export const LAYERS = ["image", "masks", "preview", "prompts"] as const;
export type Layer = (typeof LAYERS)[number];

/** Which parts of the scene each layer draws. */
export const LAYER_PARTS: Readonly<Record<Layer, readonly (keyof Scene)[]>> = {
  image: ["picture", "imageSize", "viewport"],
  masks: ["masks", "viewport", "soloId", "areMasksHidden", "selectedId"],
  preview: ["draft", "viewport", "selectedId", "soloId", "masks", "areMasksHidden"],
  prompts: ["prompts", "box", "crosshair", "cursor", "isPending", "viewport"],
};
