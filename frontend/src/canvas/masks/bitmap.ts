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
  for (let row = 0; row < bitmap.height; row++) {
    const line = (((bitmap.y + row) >> shift) - y) * width;
    const end = (row + 1) * bitmap.width;
    let source = row * bitmap.width;
    // The first block may begin left of the rectangle.
    let stop = Math.min(end, source + block - (bitmap.x & (block - 1)));
    for (let target = line; source < end; target++, stop = Math.min(end, stop + block)) {
      let sum = 0;
      while (source < stop) sum += bitmap.bits[source++] ?? 0;
      if (sum > 0) covered[target] = (covered[target] ?? 0) + sum;
    }
  }
  const bits = new Uint8Array(width * height);
  const threshold = COVERED_SHARE * block * block;
  for (let i = 0; i < bits.length; i++) bits[i] = (covered[i] ?? 0) >= threshold ? 1 : 0;
  return { x, y, width, height, bits };
}

/** A mask's border along the edges of its pixels, in image pixels; each list in rising order of its first number. */
export interface Border {
  /** y, x from, x to; one after the other. */
  readonly horizontal: Int32Array<ArrayBuffer>;
  /** x, y from, y to. */
  readonly vertical: Int32Array<ArrayBuffer>;
}

export function borderOf(bitmap: Bitmap): Border {
  const { x, y, width, height, bits } = bitmap;
  const isSet = (column: number, row: number): boolean =>
    column >= 0 && row >= 0 && column < width && row < height && bits[row * width + column] === 1;
  const isBelow = (row: number, column: number): boolean => isSet(column, row) !== isSet(column, row - 1);
  const isRight = (column: number, row: number): boolean => isSet(column, row) !== isSet(column - 1, row);
  return {
    horizontal: edgesOf(height, width, [y, x], isBelow),
    vertical: edgesOf(width, height, [x, y], isRight),
  };
}

/** Joins neighbouring edges on each of the `lines + 1` grid lines into segments. */
function edgesOf(
  lines: number,
  length: number,
  [lineOffset, offset]: [number, number],
  isEdge: (line: number, at: number) => boolean,
): Int32Array<ArrayBuffer> {
  const segments: number[] = [];
  for (let line = 0; line <= lines; line++) {
    for (let at = 0, start = -1; at <= length; at++) {
      const isHere = at < length && isEdge(line, at);
      if (isHere && start < 0) start = at;
      if (isHere || start < 0) continue;
      segments.push(line + lineOffset, start + offset, at + offset);
      start = -1;
    }
  }
  return Int32Array.from(segments);
}
