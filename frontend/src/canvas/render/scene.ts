// Everything the stage shows, as plain values. The renderer draws again what differs from the scene before.
import type { ImageBox, ImagePoint, ScreenPoint, Size, Viewport } from "../geometry";
import type { Bounds } from "../document";
import type { Rle } from "../masks/rle";
import type { Prompt } from "../prompts";
import type { Stroke } from "../tools/gesture";
import type { Rgb } from "./palette";
import type { Picture } from "./picture";
import type { Limits } from "./stencil";

export interface SceneMask {
  readonly id: string;
  readonly rle: Rle;
  readonly bounds: Bounds;
  readonly colour: Rgb;
  readonly isProposal: boolean;
}

/** How masks and photo are shown; changes nothing of either. */
export interface View {
  /** Of the masks' fill; 0 leaves the outlines. */
  readonly fillOpacity: number;
  /** 1 is the photo as it is. */
  readonly brightness: number;
  readonly contrast: number;
}

export const PLAIN_VIEW: View = { fillOpacity: 0.4, brightness: 1, contrast: 1 };

/** A stroke over the mask that it changes, and what it may not touch; null: it may touch everything. */
export interface SceneStroke extends Stroke {
  readonly colour: Rgb;
  readonly limits: Limits | null;
}

/** A line on its way round something, and what it may not touch. */
export interface SceneLasso {
  readonly vertices: readonly ImagePoint[];
  readonly erases: boolean;
  readonly limits: Limits | null;
}

/** A stroke that has changed its mask, drawn until the mask's new picture has come. */
export interface SettlingStroke extends SceneStroke {
  /** The mask's pixels with it. */
  readonly leadsTo: string;
}

export interface Scene {
  /** What is drawn for the image: any resolution, stretched to `imageSize`. */
  readonly picture: Picture | null;
  readonly imageSize: Size;
  readonly viewport: Viewport;
  /** Without the selected one; in drawing order. */
  readonly masks: readonly SceneMask[];
  /** Drawn over the others, so that changing it touches no other's layer. */
  readonly selected: SceneMask | null;
  /** Selected beside it, to be merged. */
  readonly alsoSelected: readonly string[];
  readonly view: View;
  /** The one mask to show alone, while the list is hovered. */
  readonly soloId: string | null;
  readonly areMasksHidden: boolean;
  readonly draft: Rle | null;
  /** What a click at the pointer would give; shown while there is no draft. */
  readonly hover: Rle | null;
  readonly stroke: SceneStroke | null;
  readonly settling: readonly SettlingStroke[];
  readonly prompts: readonly Prompt[];
  readonly box: ImageBox | null;
  readonly lasso: SceneLasso | null;
  /** The brush at the pointer; `radius` in image pixels. */
  readonly brush: { readonly at: ImagePoint; readonly radius: number } | null;
  /** The keyboard's crosshair. */
  readonly crosshair: ImagePoint | null;
  readonly cursor: ScreenPoint | null;
  /** The finger beside which the loupe shows what it hides. */
  readonly loupe: ScreenPoint | null;
  /** Shows the ring of a pending call at the cursor. */
  readonly isPending: boolean;
}

export const EMPTY_SCENE: Scene = {
  picture: null,
  imageSize: { width: 1, height: 1 },
  viewport: { scale: 1, left: 0, top: 0 },
  masks: [],
  selected: null,
  alsoSelected: [],
  view: PLAIN_VIEW,
  soloId: null,
  areMasksHidden: false,
  draft: null,
  hover: null,
  stroke: null,
  settling: [],
  prompts: [],
  box: null,
  lasso: null,
  brush: null,
  crosshair: null,
  cursor: null,
  loupe: null,
  isPending: false,
};

export const LAYERS = ["image", "masks", "preview", "prompts"] as const;
export type Layer = (typeof LAYERS)[number];

/** Which parts of the scene each layer draws. */
export const LAYER_PARTS: Readonly<Record<Layer, readonly (keyof Scene)[]>> = {
  image: ["picture", "imageSize", "viewport"],
  masks: ["masks", "viewport", "soloId", "areMasksHidden", "view"],
  preview: ["draft", "hover", "viewport", "selected", "alsoSelected", "soloId", "areMasksHidden", "stroke", "settling", "view"],
  prompts: ["prompts", "box", "lasso", "brush", "crosshair", "cursor", "loupe", "isPending", "viewport"],
};
