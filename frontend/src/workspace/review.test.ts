import { expect, test } from "vitest";
import { apply, EMPTY_DOC, type Mask, type Origin } from "../canvas/document";
import { afterDeciding, neighbour, reviewOf } from "./review";

function mask(id: string, predicted_iou: number, origin: Origin, state: Mask["state"]): Omit<Mask, "number"> {
  const rle = { size: [4, 4], counts: "5;" };
  const proposal = { rle, predicted_iou, stability_score: 1 };
  const evidence = { prompts: [], clicks: 0, activeSeconds: 0, modelVersion: null, candidate: null, proposal };
  return { id, rle, area: 11, bounds: { x: 0, y: 0, width: 4, height: 4 }, state, origin, categoryId: null, evidence };
}

const DOC = apply(EMPTY_DOC, {
  kind: "load",
  masks: [
    mask("fair", 0.7, "detector", "proposed"),
    mask("good", 0.9, "detector", "proposed"),
    mask("poor", 0.3, "detector", "proposed"),
    mask("taken", 0.2, "detector", "accepted"),
    mask("automatic", 0.8, "automatic", "accepted"),
    mask("drawn", 0.5, "model", "accepted"),
  ],
});

test("proposals are reviewed from the surest on; those under the bar are left out, but count", () => {
  expect(reviewOf(DOC, { minIou: 0, isAudit: false, proposed: 4 })).toEqual({ ids: ["good", "fair", "poor"], total: 4, left: 3, hidden: 0 });
  expect(reviewOf(DOC, { minIou: 0.5, isAudit: false, proposed: 4 })).toEqual({ ids: ["good", "fair"], total: 4, left: 3, hidden: 1 });
});

test("in an audit automatic masks are looked at, too", () => {
  expect(reviewOf(DOC, { minIou: 0.5, isAudit: true, proposed: 4 }).ids).toEqual(["good", "automatic", "fair"]);
});

test("going on goes round; deciding goes on, at the end to what was passed over", () => {
  const ids = ["a", "b", "c"];
  expect([neighbour(ids, null, 1), neighbour(ids, null, -1), neighbour(ids, "c", 1), neighbour(ids, "a", -1)]).toEqual(["a", "c", "a", "c"]);
  expect([neighbour([], null, 1), neighbour(ids, "elsewhere", 1)]).toEqual([null, "a"]);
  expect(ids.map((id) => afterDeciding(ids, id))).toEqual(["b", "c", "b"]);
  expect([afterDeciding(["a"], "a"), afterDeciding(ids, "elsewhere")]).toEqual([null, null]);
});
