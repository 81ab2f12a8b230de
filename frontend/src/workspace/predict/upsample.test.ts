// Masks without full-size logits are those of full-size logits.
import fc from "fast-check";
import { expect, test } from "vitest";
import { areaOf, bitmapOf, boundsOf, rleOf, runsOf } from "../../canvas/masks/rle";
import type { Frame } from "./description";
import { createUpsampler } from "./upsample";

const LOW = 8;
const anyFrame: fc.Arbitrary<Frame> = fc
  .record({ width: fc.integer({ min: 1, max: 60 }), height: fc.integer({ min: 1, max: 60 }), isPadded: fc.boolean() })
  .map(({ width, height, isPadded }) => {
    const scale = 32 / Math.max(width, height);
    const padded = { width: Math.max(1, Math.floor(width * scale + 0.5)), height: Math.max(1, Math.floor(height * scale + 0.5)) };
    return { size: { width, height }, resized: isPadded ? padded : { width: 32, height: 32 }, inputSize: 32, lowSize: LOW };
  });
const anyLogits = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: LOW * LOW, maxLength: LOW * LOW }).map((eighths) => Float32Array.from(eighths, (value) => value / 8));

/** Bilinear, half-pixel centres, clamped at the border; plain. */
function upsampled(logits: Float32Array, { size, resized, inputSize, lowSize }: Frame, x: number, y: number): number {
  const place = (pixel: number, side: number, resizedSide: number): [number, number, number] => {
    const position = Math.min(Math.max((pixel + 0.5) * (resizedSide / side) * (lowSize / inputSize) - 0.5, 0), lowSize - 1);
    const first = Math.floor(position);
    return [first, Math.min(first + 1, lowSize - 1), position - first];
  };
  const [left, right, across] = place(x, size.width, resized.width);
  const [top, bottom, down] = place(y, size.height, resized.height);
  const at = (row: number): number => (logits[row * lowSize + left] ?? 0) * (1 - across) + (logits[row * lowSize + right] ?? 0) * across;
  return at(top) * (1 - down) + at(bottom) * down;
}

test("each pixel is on the side of the threshold where its upsampled logit is", () => {
  fc.assert(
    fc.property(anyFrame, anyLogits, (frame, logits) => {
      const { width, height } = frame.size;
      const { rle } = createUpsampler(frame).mask(logits);
      const { x: left, y: top, width: w, height: h, bits } = bitmapOf(runsOf(rle));
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const logit = upsampled(logits, frame, x, y);
          if (Math.abs(logit) < 1e-4) continue; // single precision decides
          const isIn = x >= left && y >= top && x < left + w && y < top + h && bits[(y - top) * w + x - left] === 1;
          expect(isIn, `pixel ${x}, ${y}: ${logit}`).toBe(logit > 0);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("area, box and encoding are those of the pixels; stability is a share", () => {
  fc.assert(
    fc.property(anyFrame, anyLogits, (frame, logits) => {
      const { rle, area, bbox_xywh, stability_score } = createUpsampler(frame).mask(logits);
      const runs = runsOf(rle);
      const { x, y, width, height } = boundsOf(runs);
      expect([areaOf(runs), [x, y, width, height]]).toEqual([area, bbox_xywh]);
      expect(rleOf(bitmapOf(runs), frame.size)).toEqual(rle);
      expect(stability_score).toBeGreaterThanOrEqual(0);
      expect(stability_score).toBeLessThanOrEqual(1);
    }),
    { numRuns: 60 },
  );
});
