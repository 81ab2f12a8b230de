// The stage: four canvases over each other and one animation-frame loop that draws only the layers that changed.
import type { Rle } from "../masks/rle";
import { type Surface, DRAFT_ID, drawImage, drawMasks, drawPreview, drawPrompts } from "./draw";
import { createMaskPictures } from "./masks";
import { createPainter, type Painter } from "./painter";
import { EMPTY_SCENE, LAYER_PARTS, LAYERS, type Layer, type Scene } from "./scene";

export interface Renderer {
  readonly painter: Painter;
  update(change: Partial<Scene>): void;
  /** Fits the canvases to the stage; sizes in screen pixels. */
  resize(width: number, height: number): void;
  /** Nothing is left to draw or to paint. */
  isSettled(): boolean;
  /** Called whenever `isSettled` may have changed. */
  onSettledChange(listener: () => void): void;
  /** Milliseconds the last frames took to issue, newest last. */
  frameTimes(): readonly number[];
  close(): void;
}

const KEPT_FRAME_TIMES = 240;

export function createRenderer(stage: HTMLElement, { isMotionReduced }: { isMotionReduced: () => boolean }): Renderer {
  const painter = createPainter();
  const dirty = new Set<Layer>(LAYERS);
  const frameTimes: number[] = [];
  let scene = EMPTY_SCENE;
  let frame: number | null = null;
  let isClosed = false;
  let notify = (): void => {};

  const canvases = LAYERS.map((layer) => {
    const canvas = document.createElement("canvas");
    canvas.dataset["layer"] = layer;
    canvas.setAttribute("aria-hidden", "true");
    Object.assign(canvas.style, { position: "absolute", inset: "0", width: "100%", height: "100%", pointerEvents: "none" });
    stage.append(canvas);
    return canvas;
  });
  const contexts = canvases.map((canvas) => {
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("this browser has no 2D canvas");
    return context;
  });

  const mark = (...layers: Layer[]): void => {
    for (const layer of layers) dirty.add(layer);
    if (frame === null && !isClosed && dirty.size > 0) frame = requestAnimationFrame(draw);
  };
  const pictures = createMaskPictures(painter, () => {
    mark("masks", "preview");
    notify();
  });

  const drawLayer = (layer: Layer, surface: Surface, now: number): void => {
    if (layer === "image") drawImage(surface, scene);
    if (layer === "masks") drawMasks(surface, scene, pictures);
    if (layer === "preview") drawPreview(surface, scene, pictures);
    if (layer === "prompts") drawPrompts(surface, scene, isMotionReduced() ? null : now);
  };

  const draw = (now: number): void => {
    frame = null;
    const started = performance.now();
    const layers = LAYERS.filter((layer) => dirty.has(layer));
    dirty.clear();
    for (const layer of layers) {
      const index = LAYERS.indexOf(layer);
      const [canvas, context] = [canvases[index], contexts[index]];
      if (canvas === undefined || context === undefined) continue;
      drawLayer(layer, { context, ratio: devicePixelRatio, width: canvas.width, height: canvas.height }, now);
    }
    frameTimes.push(performance.now() - started);
    if (frameTimes.length > KEPT_FRAME_TIMES) frameTimes.shift();
    if (scene.isPending && !isMotionReduced()) mark("prompts");
    notify();
  };

  const retain = (): void => {
    const ids = new Set(scene.masks.map((mask) => mask.id));
    if (scene.draft !== null) ids.add(DRAFT_ID);
    pictures.retain(ids);
  };

  return {
    painter,
    update(change) {
      const before = scene;
      scene = { ...scene, ...change };
      if (before.draft !== null && scene.draft === null) inheritDraft(before, scene, before.draft, pictures.inherit);
      if (before.masks !== scene.masks || before.draft !== scene.draft) retain();
      mark(...LAYERS.filter((layer) => LAYER_PARTS[layer].some((part) => before[part] !== scene[part])));
    },
    resize(width, height) {
      for (const canvas of canvases) {
        canvas.width = Math.max(1, Math.round(width * devicePixelRatio));
        canvas.height = Math.max(1, Math.round(height * devicePixelRatio));
      }
      mark(...LAYERS);
    },
    isSettled: () => dirty.size === 0 && painter.waiting() === 0,
    onSettledChange(listener) {
      notify = listener;
    },
    frameTimes: () => frameTimes,
    close() {
      isClosed = true;
      if (frame !== null) cancelAnimationFrame(frame);
      pictures.clear();
      painter.close();
      for (const canvas of canvases) canvas.remove();
    },
  };
}

/** A draft that became a mask in this very update hands its picture on, so that there is no empty frame between. */
function inheritDraft(before: Scene, after: Scene, draft: Rle, inherit: (id: string, from: string) => void): void {
  const known = new Set(before.masks.map((mask) => mask.id));
  for (const mask of after.masks) {
    if (!known.has(mask.id) && mask.rle.counts === draft.counts) inherit(mask.id, DRAFT_ID);
  }
}
