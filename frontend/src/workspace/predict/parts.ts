// Which parts of an answer are meant: those that were clicked. As model_server/networks/parts.py, pixel by pixel.
import type { Prompt } from "../../canvas/prompts";
import type { Frame } from "./description";

const MASK_THRESHOLD = 0;
/** Of the largest part. */
const UNCLICKED_SHARE = 0.1;
const DROPPED_LOGIT = -1;

/** Each candidate's logits with its parts that are not meant turned off; the same arrays where all are. */
export function clickedParts(candidates: readonly Float32Array[], prompts: readonly Prompt[], frame: Frame): readonly Float32Array[] {
  if (prompts.some(({ type }) => type === "mask")) return candidates;
  const hasBox = prompts.some(({ type }) => type === "box");
  const places = placesOf(prompts, frame);
  return candidates.map((logits) => meant(logits, places, hasBox, frame.lowSize));
}

/** The low-resolution pixels under the clicks on the object. */
function placesOf(prompts: readonly Prompt[], { size, resized, inputSize, lowSize }: Frame): number[] {
  const lowPerInput = lowSize / inputSize;
  const [stepX, stepY] = [(resized.width / size.width) * lowPerInput, (resized.height / size.height) * lowPerInput];
  const place = (at: number, step: number): number => Math.min(Math.floor(Math.fround(at) * step), lowSize - 1);
  const clicks = prompts.filter((prompt) => prompt.type === "point").filter(({ label }) => label === 1);
  return clicks.map(({ x, y }) => place(y, stepY) * lowSize + place(x, stepX));
}

function meant(logits: Float32Array, places: readonly number[], hasBox: boolean, side: number): Float32Array {
  const { partOf, areas } = partsOf(logits, side);
  const kept = new Set(places.map((place) => partOf[place] ?? 0));
  kept.delete(0);
  if (hasBox || kept.size === 0) {
    const least = UNCLICKED_SHARE * areas.reduce((one, other) => Math.max(one, other), 0);
    areas.forEach((area, part) => area > 0 && area >= least && kept.add(part));
  }
  if (kept.size === areas.length - 1) return logits;
  return logits.map((logit, i) => (partOf[i] === 0 || kept.has(partOf[i] ?? 0) ? logit : DROPPED_LOGIT));
}

/** The number of the 8-connected part that each pixel belongs to, 0 outside of the mask; and their areas by number. */
function partsOf(logits: Float32Array, side: number): { partOf: Uint16Array; areas: readonly number[] } {
  const partOf = new Uint16Array(logits.length);
  const areas = [0];
  const open: number[] = [];
  const enter = (pixel: number): void => {
    if ((logits[pixel] ?? 0) <= MASK_THRESHOLD || partOf[pixel] !== 0) return;
    partOf[pixel] = areas.length;
    open.push(pixel);
  };
  for (let first = 0; first < logits.length; first++) {
    enter(first);
    let area = 0;
    for (let pixel = open.pop(); pixel !== undefined; pixel = open.pop()) {
      area++;
      const [row, column] = [Math.floor(pixel / side), pixel % side];
      for (let y = Math.max(0, row - 1); y <= Math.min(side - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(side - 1, column + 1); x++) enter(y * side + x);
      }
    }
    if (area > 0) areas.push(area);
  }
  return { partOf, areas };
}
