import { expect, test } from "vitest";
import type { Mask } from "../canvas/document";
import { encodeCounts } from "../canvas/masks/rle";
import { changesOf } from "./changes";

/** Ten pixels in one column; the mask is a run of them. */
const run = (start: number, length: number) => ({ size: [10, 1], counts: encodeCounts([start, length, 10 - start - length]) });

function made(now: Mask["rle"], before: Mask["rle"] | null): Pick<Mask, "rle" | "evidence"> {
  const proposal = before === null ? null : { rle: before, predicted_iou: 1, stability_score: 1 };
  return { rle: now, evidence: { prompts: [], clicks: 0, activeSeconds: 0, modelVersion: null, candidate: null, proposal } };
}

test("what was added, taken away and kept", () => {
  const changes = changesOf(made(run(3, 5), run(1, 4)));
  expect(changes).toMatchObject({
    added: { rle: run(5, 3), area: 3 },
    removed: { rle: run(1, 2), area: 2 },
    kept: { rle: run(3, 2), area: 2 },
    bounds: { x: 0, y: 1, width: 1, height: 7 },
  });
});

test("nothing was changed where nothing was proposed, or all was kept", () => {
  expect(changesOf(made(run(3, 5), null))).toBeNull();
  expect(changesOf(made(run(3, 5), run(3, 5)))).toBeNull();
});
