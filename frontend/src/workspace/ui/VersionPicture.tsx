// Versions of a mask, or parts of one, on its photo, small: what a conflict or a review is about.
import { type ReactNode, useEffect, useRef } from "react";
import type { Bounds } from "../../canvas/document";
import type { Rle } from "../../canvas/masks/rle";
import type { Look } from "../../canvas/render/bake";
import { useWorkplace } from "./context";
import classes from "./help.module.css";

const SIZE = { width: 240, height: 160 };
const ROOM = 1.4;

export interface PictureLayer {
  readonly rle: Rle;
  readonly look: Look;
  /** Of a whole mask; around mere parts lines would hide what is only a pixel wide. */
  readonly hasOutline: boolean;
}

interface VersionPictureProps {
  imageId: number;
  /** Drawn in this order; the picture is drawn anew when it is another list. */
  layers: readonly PictureLayer[];
  /** What is shown, in image pixels; the same for pictures that are compared. */
  frame: Bounds;
  label: string;
}

export function VersionPicture({ imageId, layers, frame, label }: VersionPictureProps): ReactNode {
  const { stage } = useWorkplace();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const target = canvas.current;
    if (stage === null || target === null) return undefined;
    let isStale = false;
    const [height = 1, width = 1] = layers[0]?.rle.size ?? [];
    const scale = Math.min(target.width / (frame.width * ROOM), target.height / (frame.height * ROOM), 4);
    const shift = Math.max(0, Math.floor(Math.log2(1 / scale)));
    const draw = async (): Promise<void> => {
      const photo = await loadImage(`/api/images/${imageId}/display`).catch(() => null);
      const { painter } = stage.renderer;
      const all = await Promise.all(layers.map(({ rle, look, hasOutline }) => painter.bake(rle, { shift, line: hasOutline ? 1 : 0 }, look, true)));
      const context = target.getContext("2d");
      if (!isStale && context !== null) {
        context.setTransform(1, 0, 0, 1, 0, 0);
        context.clearRect(0, 0, target.width, target.height);
        const [x, y] = [frame.x + frame.width / 2 - target.width / scale / 2, frame.y + frame.height / 2 - target.height / scale / 2];
        context.setTransform(scale, 0, 0, scale, -x * scale, -y * scale);
        if (photo !== null) context.drawImage(photo, 0, 0, width, height);
        for (const { picture, ...at } of all) if (picture !== null) context.drawImage(picture, at.x, at.y, at.width, at.height);
        target.dataset["drawn"] = "true";
      }
      for (const { picture } of all) picture?.close();
    };
    void draw().catch(() => undefined); // the words beside it say what is to be decided
    return () => {
      isStale = true;
    };
  }, [stage, imageId, layers, frame]);
  return <canvas ref={canvas} className={classes["version"]} width={SIZE.width * 2} height={SIZE.height * 2} role="img" aria-label={label} />;
}

function loadImage(address: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = address;
  return image.decode().then(() => image);
}
