// A mask as pixels: its own rectangle only, one byte a pixel, row by row.

export interface Bitmap {
  /** Where the rectangle lies in the image. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** 0 or 1 for each pixel. */
  readonly bits: Uint8Array;
}

/** Share of a block that must be covered for the shrunken pixel to count: a quarter keeps thin parts visible. */
const COVERED_SHARE = 0.25;

/** Shrinks by 2^shift; blocks are aligned with the image, so that neighbouring masks meet. */
export function shrink(bitmap: Bitmap, shift: number): Bitmap {
  if (shift === 0) return bitmap;
  const block = 1 << shift;
  const [x, y] = [bitmap.x >> shift, bitmap.y >> shift];
  const width = ((bitmap.x + bitmap.width + block - 1) >> shift) - x;
  const height = ((bitmap.y + bitmap.height + block - 1) >> shift) - y;
  const covered = new Uint16Array(width * height);
  for (let row = 0, source = 0; row < bitmap.height; row++) {
    const line = (((bitmap.y + row) >> shift) - y) * width - x;
    for (let column = bitmap.x; column < bitmap.x + bitmap.width; column++, source++) {
      if (bitmap.bits[source] === 1) {
        const target = line + (column >> shift);
        covered[target] = (covered[target] ?? 0) + 1;
      }
    }
  }
  const bits = new Uint8Array(width * height);
  const threshold = COVERED_SHARE * block * block;
  for (let i = 0; i < bits.length; i++) bits[i] = (covered[i] ?? 0) >= threshold ? 1 : 0;
  return { x, y, width, height, bits };
}

/** The mask's border along the edges of its pixels, as line segments x1, y1, x2, y2 in image pixels. */
export function borderOf(bitmap: Bitmap): Int32Array {
  const { x, y, width, height, bits } = bitmap;
  const segments: number[] = [];
  const isSet = (column: number, row: number): boolean =>
    column >= 0 && row >= 0 && column < width && row < height && bits[row * width + column] === 1;
  for (let row = 0; row <= height; row++) {
    for (let column = 0, start = -1; column <= width; column++) {
      const isEdge = column < width && isSet(column, row) !== isSet(column, row - 1);
      if (isEdge && start < 0) start = column;
      if (!isEdge && start >= 0) {
        segments.push(x + start, y + row, x + column, y + row);
        start = -1;
      }
    }
  }
  for (let column = 0; column <= width; column++) {
    for (let row = 0, start = -1; row <= height; row++) {
      const isEdge = row < height && isSet(column, row) !== isSet(column - 1, row);
      if (isEdge && start < 0) start = row;
      if (!isEdge && start >= 0) {
        segments.push(x + column, y + start, x + column, y + row);
        start = -1;
      }
    }
  }
  return Int32Array.from(segments);
}
