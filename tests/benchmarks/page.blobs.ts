// Masks to fill a photo with.
import { encodeCounts } from "../../frontend/src/canvas/masks/rle";

/** Frayed discs all over, three of them as large as a third of the photo. */
export function blobs(count: number, width: number, height: number): { size: number[]; counts: string }[] {
  return Array.from({ length: count }, (_, number) => {
    const radius = number < 3 ? height / 6 : (height / 200) * (3 + (number % 12));
    const [cx, cy] = [radius + ((number * 0.377) % 1) * (width - 2 * radius), radius + ((number * 0.619) % 1) * (height - 2 * radius)];
    const counts: number[] = [];
    let end = 0;
    for (let x = Math.ceil(cx - radius); x < cx + radius; x++) {
      const reach = Math.sqrt(radius ** 2 - (x - cx) ** 2) * (0.9 + 0.1 * Math.sin(x / 9));
      const [from, to] = [x * height + Math.ceil(cy - reach), x * height + Math.ceil(cy + reach)];
      if (to <= from) continue;
      counts.push(from - end, to - from);
      end = to;
    }
    return { size: [height, width], counts: encodeCounts([...counts, width * height - end]) };
  });
}
