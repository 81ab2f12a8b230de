// The stage: four canvases over each other and one animation-frame loop that draws only the layers that changed.
import type { Rle } from "../masks/rle";
import { drawStroke } from "./strokes";
import { type Surface, drawImage, drawMasks, drawPreview, drawPrompts, picturePreview } from "./draw";
import { createLoupe } from "./loupe";
import { createMaskPictures, DRAFT_ID, HOVER_ID } from "./masks";
import { createPainter, type Painter } from "./painter";
import { EMPTY_SCENE, LAYER_PARTS, LAYERS, type Layer, type Scene, type SceneMask } from "./scene";
import { createStencil } from "./stencil";
import { createStretch, isZoom, scroll, scrollBetween } from "./scroll";

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
const REPAINT_MS = 120;

export function createRenderer(stage: HTMLElement, { isMotionReduced }: { isMotionReduced: () => boolean }): Renderer {
  const painter = createPainter(() => notify());
  const dirty = new Set<Layer>(LAYERS);
  // What each layer shows now; null: nothing that could be moved.
  const drawn = new Map<Layer, Scene | null>();
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
  const redraw = (...layers: Layer[]): void => {
    for (const layer of layers) drawn.set(layer, null);
    mark(...layers);
  };
  const loupe = createLoupe(stage);
  let hasLoupe = false;
  const [stretch, stencil] = [createStretch(), createStencil()];
  let repaint: ReturnType<typeof setTimeout> | undefined;
  let zoomEnd: ReturnType<typeof setTimeout> | undefined;
  const repaintNow = (): void => {
    clearTimeout(repaint);
    clearTimeout(zoomEnd);
    [repaint, zoomEnd] = [undefined, undefined];
    stretch.reset();
    redraw("masks", "preview");
  };
  const pictures = createMaskPictures(painter, (id) => {
    // While many pictures are still being painted, the masks are drawn again now and then, not for each one.
    if (id === DRAFT_ID || id === HOVER_ID) redraw("preview");
    else if (painter.waiting() === 0) repaintNow();
    else repaint ??= setTimeout(repaintNow, REPAINT_MS);
    notify();
  });

  const drawLayer = (layer: Layer, surface: Surface, now: number): void => {
    if (layer === "image") drawImage(surface, scene);
    if (layer === "masks") drawMasks(surface, scene, pictures);
    if (layer === "preview") drawPreview(surface, scene, pictures);
    if (layer === "prompts") drawPrompts(surface, scene, isMotionReduced() ? null : now);
  };

  /** Moves, stretches or paints on what is there already, where that will do. */
  const drawCheaply = (layer: Layer, surface: Surface, now: number): void => {
    const before = layer === "prompts" ? null : (drawn.get(layer) ?? null);
    if (layer === "preview" && before !== null && scene.stroke !== null && isLongerStroke(before, scene)) {
      return drawStroke(surface, scene.viewport, scene.stroke, scene.view.fillOpacity, before.stroke?.path.length ?? 0);
    }
    const move = before === null ? null : scrollBetween(before, scene, LAYER_PARTS[layer], surface.ratio);
    if (layer === "masks" && before !== null && isZoom(before, scene, LAYER_PARTS.masks)) {
      stretch.draw(surface, before, scene);
      clearTimeout(zoomEnd);
      zoomEnd = setTimeout(repaintNow, REPAINT_MS);
      return;
    }
    if (zoomEnd === undefined) stretch.reset();
    if (move === null || zoomEnd !== undefined) drawLayer(layer, surface, now);
    else scroll(surface, move, () => drawLayer(layer, surface, now));
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
      const surface = { context, ratio: devicePixelRatio, width: canvas.width, height: canvas.height, stencil };
      drawCheaply(layer, surface, now);
      drawn.set(layer, scene);
    }
    if (scene.loupe !== null || hasLoupe) loupe.draw(scene.loupe, canvases);
    hasLoupe = scene.loupe !== null;
    frameTimes.push(performance.now() - started);
    if (frameTimes.length > KEPT_FRAME_TIMES) frameTimes.shift();
    if (scene.isPending && !isMotionReduced()) mark("prompts");
    notify();
  };

  /** By the compositor: the photo's own pixels are not drawn again. */
  const showView = (): void => {
    const { brightness, contrast } = scene.view;
    const canvas = canvases[LAYERS.indexOf("image")];
    if (canvas !== undefined) canvas.style.filter = brightness === 1 && contrast === 1 ? "" : `brightness(${brightness}) contrast(${contrast})`;
  };

  const retain = (): void => {
    const ids = new Set(shownMasks(scene).map((mask) => mask.id));
    if (scene.draft !== null) ids.add(DRAFT_ID);
    if (scene.hover !== null) ids.add(HOVER_ID);
    pictures.retain(ids);
  };

  return {
    painter,
    update(change) {
      const before = scene;
      scene = { ...scene, ...change };
      if (before.draft !== null && scene.draft === null) inheritDraft(before, scene, before.draft, pictures.inherit);
      const parts = ["masks", "selected", "draft", "hover"] as const;
      if (parts.some((part) => before[part] !== scene[part])) retain();
      // Asked for now and not with the next frame: somebody waits for it.
      if (before.draft !== scene.draft || before.hover !== scene.hover) picturePreview(scene, devicePixelRatio, pictures);
      if (before.view !== scene.view) showView();
      const changed = (Object.keys(change) as (keyof Scene)[]).filter((part) => before[part] !== scene[part]);
      // The pointer's place only matters to the ring.
      const visible = changed.filter((part) => part !== "cursor" || scene.isPending);
      mark(...LAYERS.filter((layer) => LAYER_PARTS[layer].some((part) => visible.includes(part))));
    },
    resize(width, height) {
      for (const canvas of canvases) {
        canvas.width = Math.max(1, Math.round(width * devicePixelRatio));
        canvas.height = Math.max(1, Math.round(height * devicePixelRatio));
      }
      redraw(...LAYERS);
    },
    isSettled: () => dirty.size === 0 && painter.waiting() === 0 && repaint === undefined && zoomEnd === undefined,
    onSettledChange(listener) {
      notify = listener;
    },
    frameTimes: () => frameTimes,
    close() {
      isClosed = true;
      clearTimeout(repaint);
      clearTimeout(zoomEnd);
      if (frame !== null) cancelAnimationFrame(frame);
      pictures.clear();
      painter.close();
      loupe.close();
      for (const canvas of canvases) canvas.remove();
    },
  };
}

/** A draft that became a mask in this very update hands its picture on, so that there is no empty frame between. */
function inheritDraft(before: Scene, after: Scene, draft: Rle, inherit: (id: string, from: string) => void): void {
  const known = new Set(shownMasks(before).map((mask) => mask.id));
  for (const mask of shownMasks(after)) {
    if (!known.has(mask.id) && mask.rle.counts === draft.counts) inherit(mask.id, DRAFT_ID);
  }
}

const shownMasks = ({ masks, selected }: Scene): readonly SceneMask[] => (selected === null ? masks : [...masks, selected]);

/** Whether a stroke that goes on is all that the preview sees of the difference: then only its new piece is drawn. */
function isLongerStroke(before: Scene, after: Scene): boolean {
  const isSame = LAYER_PARTS.preview.every((part) => part === "stroke" || before[part] === after[part]);
  const [old, now] = [before.stroke?.path ?? [], after.stroke?.path ?? []];
  return isSame && old.every((point, i) => point === now[i]);
}
