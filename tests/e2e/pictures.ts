// Small pictures, each different, made here.
import { PNG } from "pngjs";
import { encodeCounts } from "../../frontend/src/canvas/masks/rle";

/** A gradient with a disc; `seed` makes its bytes unlike those of any other. */
export function picture(seed: number, width = 320, height = 240, radius = height / 4): Buffer {
  const png = new PNG({ width, height });
  const [cx, cy] = [width / 2, height / 2];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const isInside = (x - cx) ** 2 + (y - cy) ** 2 < radius ** 2;
      const at = 4 * (y * width + x);
      png.data[at] = isInside ? 230 : (seed * 53) % 200;
      png.data[at + 1] = isInside ? (seed * 97) % 200 : (120 * x) / width;
      png.data[at + 2] = isInside ? 40 : (160 * y) / height;
      png.data[at + 3] = 255;
    }
  }
  return PNG.sync.write(png);
}

/** The mask of the disc of a picture of this size, as COCO run-length encoding. */
export function discRle(width = 320, height = 240): { size: number[]; counts: string } {
  const [cx, cy, radius] = [width / 2, height / 2, height / 4];
  const counts: number[] = [];
  let [run, before] = [0, false];
  for (let x = 0; x < width; x += 1) {
    for (let y = 0; y < height; y += 1) {
      const isInside = (x - cx) ** 2 + (y - cy) ** 2 < radius ** 2;
      if (isInside !== before) {
        counts.push(run);
        [run, before] = [0, isInside];
      }
      run += 1;
    }
  }
  return { size: [height, width], counts: encodeCounts([...counts, run]) };
}
