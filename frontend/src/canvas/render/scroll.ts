// Panning and zooming without drawing everything again. Panned: what is on a layer already is moved, and only the strips
// that came into view are drawn. Zooming: the layer as it was is stretched until the wheel rests.
import type { Surface } from "./draw";
import type { Scene } from "./scene";

/** The move between two scenes in whole device pixels, when a pan is all that a layer sees of their difference. */
export function scrollBetween(before: Scene, after: Scene, parts: readonly (keyof Scene)[], ratio: number): [number, number] | null {
  const isSame = parts.every((part) => part === "viewport" || before[part] === after[part]);
  if (!isSame || before.viewport.scale !== after.viewport.scale) return null;
  const dx = (after.viewport.left - before.viewport.left) * ratio;
  const dy = (after.viewport.top - before.viewport.top) * ratio;
  const [x, y] = [Math.round(dx), Math.round(dy)];
  return Math.abs(dx - x) < 1e-3 && Math.abs(dy - y) < 1e-3 ? [x, y] : null;
}

/** Moves the layer's pixels by (dx, dy) and has `draw` fill the strips that this uncovers. */
export function scroll(surface: Surface, [dx, dy]: [number, number], draw: () => void): void {
  const { context, width, height } = surface;
  if (Math.abs(dx) >= width || Math.abs(dy) >= height) return draw();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalCompositeOperation = "copy";
  context.drawImage(context.canvas, dx, dy);
  context.globalCompositeOperation = "source-over";
  context.save();
  context.beginPath();
  if (dx !== 0) context.rect(dx > 0 ? 0 : width + dx, 0, Math.abs(dx), height);
  if (dy !== 0) context.rect(0, dy > 0 ? 0 : height + dy, width, Math.abs(dy));
  context.clip();
  draw();
  context.restore();
}

export interface Stretch {
  /** Draws the layer as it was in `before`, stretched to how `after` sees it. */
  draw(surface: Surface, before: Scene, after: Scene): void;
  /** What is on the layer is right again; the next zoom starts from there. */
  reset(): void;
}

export function createStretch(): Stretch {
  let from: { canvas: HTMLCanvasElement; scene: Scene } | null = null;
  return {
    draw({ context, ratio, width, height }, before, after) {
      if (from === null) {
        const canvas = document.createElement("canvas");
        Object.assign(canvas, { width, height });
        canvas.getContext("2d")?.drawImage(context.canvas, 0, 0);
        from = { canvas, scene: before };
      }
      const old = from.scene.viewport;
      const factor = after.viewport.scale / old.scale;
      const left = (after.viewport.left - old.left * factor) * ratio;
      const top = (after.viewport.top - old.top * factor) * ratio;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, width, height);
      context.setTransform(factor, 0, 0, factor, left, top);
      context.imageSmoothingEnabled = true;
      context.drawImage(from.canvas, 0, 0);
    },
    reset() {
      from = null;
    },
  };
}

/** Whether a zoom is all that a layer sees of the difference between two scenes. */
export function isZoom(before: Scene, after: Scene, parts: readonly (keyof Scene)[]): boolean {
  const isSame = parts.every((part) => part === "viewport" || before[part] === after[part]);
  return isSame && before.viewport.scale !== after.viewport.scale;
}
