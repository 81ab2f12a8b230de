// From shapes to pixels. A pixel belongs to a shape when its centre does.
import type { ImagePoint, Size } from "../geometry";
import type { Runs } from "./rle";
import { collect, type Collected } from "./regions";

type Point = Pick<ImagePoint, "x" | "y">;

/** All pixels whose centre is at most `radius` image pixels from the path; a path of one point is a disc. */
export function strokeRegion(path: readonly Point[], radius: number, image: Size): Runs {
  const collected = collect(image);
  path.forEach((to, i) => {
    if (i > 0 || path.length === 1) addCapsule(collected, path[i - 1] ?? to, to, radius);
  });
  return collected.region();
}

/**
 * The points within `radius` of a segment are convex: one piece a column, from the two discs at the ends and the two
 * lines beside the segment. Plain arithmetic, as this runs hundreds of thousands of times for one stroke.
 */
function addCapsule(collected: Collected, a: Point, b: Point, radius: number): void {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy);
  const [normalX, normalY] = length === 0 ? [0, 0] : [(-dy / length) * radius, (dx / length) * radius];
  const last = Math.floor(Math.max(a.x, b.x) + radius - 0.5);
  for (let x = Math.ceil(Math.min(a.x, b.x) - radius - 0.5); x <= last; x++) {
    let low = Infinity;
    let high = -Infinity;
    const halfA = Math.sqrt(radius * radius - (x + 0.5 - a.x) ** 2);
    const halfB = Math.sqrt(radius * radius - (x + 0.5 - b.x) ** 2);
    // Not a number where the column misses the disc.
    if (halfA >= 0) {
      low = a.y - halfA;
      high = a.y + halfA;
    }
    if (halfB >= 0) {
      low = Math.min(low, b.y - halfB);
      high = Math.max(high, b.y + halfB);
    }
    for (let side = -1; side <= 1 && dx !== 0; side += 2) {
      const share = (x + 0.5 - a.x - side * normalX) / dx;
      if (share < 0 || share > 1) continue;
      const y = a.y + side * normalY + share * dy;
      low = Math.min(low, y);
      high = Math.max(high, y);
    }
    collected.add(x, Math.ceil(low - 0.5), Math.floor(high - 0.5) + 1);
  }
}

/** All pixels inside a closed line, by non-zero winding: a loop that crosses itself has no holes. */
export function polygonRegion(vertices: readonly Point[], image: Size): Runs {
  const crossings = new Map<number, { y: number; turn: 1 | -1 }[]>();
  vertices.forEach((from, i) => {
    const to = vertices[(i + 1) % vertices.length] ?? from;
    const turn = from.x < to.x ? 1 : -1;
    const [left, right] = turn === 1 ? [from, to] : [to, from];
    // Half open, so that a vertex on a column's middle counts once.
    const last = Math.min(image.width - 1, Math.ceil(right.x - 0.5) - 1);
    for (let x = Math.max(0, Math.ceil(left.x - 0.5)); x <= last; x++) {
      const y = left.y + ((x + 0.5 - left.x) / (right.x - left.x)) * (right.y - left.y);
      const column = crossings.get(x);
      if (column === undefined) crossings.set(x, [{ y, turn }]);
      else column.push({ y, turn });
    }
  });
  const collected = collect(image);
  for (const [x, column] of crossings) {
    let [winding, start] = [0, 0];
    for (const { y, turn } of column.sort((a, b) => a.y - b.y)) {
      if (winding === 0) start = y;
      winding += turn;
      if (winding === 0) collected.add(x, Math.ceil(start - 0.5), Math.ceil(y - 0.5));
    }
  }
  return collected.region();
}
