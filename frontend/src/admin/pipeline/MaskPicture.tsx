// A photo with some of its masks over it, each in a colour of the palette. The worker of the canvas paints them.
import { useElementSize } from "@mantine/hooks";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { displayUrl } from "../../api/images";
import type { AutomaticMask } from "../../api/stages";
import type { Image } from "../../api/types";
import { createMaskPictures, type MaskPictures } from "../../canvas/render/masks";
import { createPainter } from "../../canvas/render/painter";
import { paletteColour } from "../../canvas/render/palette";
import { words } from "../../words/pipeline";

const FILL_OPACITY = 0.45;

interface MaskPictureProps {
  image: Image;
  masks: readonly AutomaticMask[];
  /** Indices of the masks to draw. */
  shown: ReadonlySet<number>;
}

export function MaskPicture({ image, masks, shown }: MaskPictureProps): ReactNode {
  const { ref, width } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const { pictures, paintedCount } = usePictures();
  const ratio = globalThis.devicePixelRatio || 1;
  const scale = width === 0 ? 0 : (width * ratio) / image.width;
  // Large ones first, so that small ones lie on top and can be seen.
  const order = useMemo(() => masks.map((_, i) => i).sort((a, b) => (masks[b]?.area ?? 0) - (masks[a]?.area ?? 0)), [masks]);

  useEffect(() => {
    const context = canvas.current?.getContext("2d") ?? null;
    if (context === null || pictures === null || scale === 0) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    for (const i of order) {
      const mask = masks[i];
      if (mask === undefined || !shown.has(i)) continue;
      const look = { colour: paletteColour(i), fillOpacity: FILL_OPACITY, isDashed: false };
      const { picture } = pictures.get(String(i), mask.rle, look, { scale: Math.min(scale, 1), withBorder: false });
      if (picture?.picture) context.drawImage(picture.picture, picture.x, picture.y, picture.width, picture.height);
    }
  }, [pictures, paintedCount, masks, shown, order, scale, image]);

  return (
    <div className="preview-picture" ref={ref} style={{ aspectRatio: `${image.width} / ${image.height}` }}>
      <img src={displayUrl(image.id)} alt={image.file_name} width={image.width} height={image.height} />
      <canvas
        ref={canvas}
        width={Math.round(width * ratio)}
        height={Math.round((width * ratio * image.height) / image.width)}
        role="img"
        aria-label={words.picture(shown.size, image.file_name)}
        data-painted={paintedCount}
      />
    </div>
  );
}

/** Mask pictures with a worker of their own for as long as the component stays; the count changes with each that was painted. */
function usePictures(): { pictures: MaskPictures | null; paintedCount: number } {
  const [pictures, setPictures] = useState<MaskPictures | null>(null);
  const [paintedCount, setPaintedCount] = useState(0);
  useEffect(() => {
    const painter = createPainter(() => undefined);
    let frame = 0;
    const made = createMaskPictures(painter, () => {
      // Many are painted between two frames; one drawing shows them all.
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => setPaintedCount((painted) => painted + 1));
    });
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the worker lives as long as this effect
    setPictures(made);
    return () => {
      cancelAnimationFrame(frame);
      made.clear();
      painter.close();
      setPictures(null);
    };
  }, []);
  return { pictures, paintedCount };
}
