import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apply, differences, type Doc, EMPTY_DOC, EMPTY_DRAFT, type Mask, masksOf, type Op, pixelsByHand, promptsKey, untouchedBase } from "./document";
import { commit, MAX_STEPS, redo, startWith, undo } from "./history";
import { strokeRegion } from "./masks/raster";
import { pixelsOf, subtract, union } from "./masks/regions";
import type { Candidate, Prompt } from "./prompts";

const point = (x: number, candidate: Candidate = null): Prompt => ({ type: "point", x, y: 1, label: 1, candidate });
const box = (x1: number): Prompt => ({ type: "box", x1, y1: 0, x2: x1 + 5, y2: 5, candidate: null });

function mask(id: string, state: Mask["state"] = "accepted"): Omit<Mask, "number"> {
  const evidence = { prompts: [], clicks: 1, activeSeconds: 1, modelVersion: null, candidate: null, proposal: null };
  return { id, rle: { size: [4, 4], counts: "5;" }, area: 11, bounds: { x: 0, y: 0, width: 4, height: 4 }, state, origin: state === "proposed" ? "detector" : "model", categoryId: null, evidence };
}

const play = (ops: Op[], doc: Doc = EMPTY_DOC): Doc => ops.reduce(apply, doc);
const anyCandidate = fc.constantFrom<Candidate>(null, 0, 1, 2);
const anyId = fc.constantFrom("a", "b", "c", "d", "p", "q", "r");
/** An image with three proposals. */
const PROPOSED = apply(EMPTY_DOC, { kind: "load", masks: ["p", "q", "r"].map((id) => mask(id, "proposed")) });
const dab = (x: number) => pixelsOf(strokeRegion([{ x: x + 0.5, y: 1.5 }], 1, { width: 12, height: 4 }));
const answered = { proposal: { rle: dab(1).rle, predicted_iou: 0.9, stability_score: 0.9 }, modelVersion: "nano-1", candidate: null };
const anyOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ kind: fc.constant("addPrompt" as const), prompt: fc.nat(9).map((x) => point(x)), shown: anyCandidate }),
  fc.record({ kind: fc.constant("addPrompt" as const), prompt: fc.nat(9).map(box), shown: anyCandidate }),
  fc.constant<Op>({ kind: "takeBackPrompt" }),
  fc.record({ kind: fc.constant("choose" as const), candidate: anyCandidate }),
  fc.constant<Op>({ kind: "clearDraft" }),
  anyId.map((id): Op => ({ kind: "keep", mask: mask(id) })),
  anyId.map((id): Op => ({ kind: "remove", id })),
  anyId.map((id): Op => ({ kind: "refine", id })),
  fc.record({ kind: fc.constant("editDraft" as const), rle: fc.nat(9).map((x) => dab(x).rle), shown: anyCandidate, answered: fc.constantFrom(null, answered) }),
  fc.record({ kind: fc.constant("editMasks" as const), changed: fc.tuple(anyId, fc.nat(9)).map(([id, x]) => [{ id, pixels: dab(x), clicks: 1, activeSeconds: 0.1 }]), added: fc.subarray(["a", "b"]).map((ids) => ids.map((id) => mask(id))), removed: fc.subarray(["c", "q"]) }),
  fc.record({ kind: fc.constant("accept" as const), ids: fc.subarray(["a", "b", "c", "d", "p", "q", "r"]), activeSeconds: fc.nat(9) }),
  fc.record({ kind: fc.constant("setCategory" as const), id: anyId, categoryId: fc.option(fc.nat(3)) }),
);

test("undoing everything gives the beginning, redoing everything the end: also of accepted, rejected and refined proposals", () => {
  fc.assert(
    fc.property(fc.array(anyOp, { maxLength: 60 }), fc.constantFrom(EMPTY_DOC, PROPOSED), (ops, beginning) => {
      const states = [startWith(beginning)];
      for (const op of ops) states.push(commit(states.at(-1) ?? startWith(beginning), op, op.kind));
      let history = states.at(-1) ?? startWith(beginning);
      const [end, steps] = [history.now, history.past.length];
      for (let i = 0; i < steps; i++) history = undo(history);
      expect(history.now).toBe(beginning);
      for (let i = 0; i < steps; i++) history = redo(history);
      expect(history.now).toBe(end);
    }),
  );
});

test("what is in the list is what is in the table, and no number is given twice", () => {
  fc.assert(
    fc.property(fc.array(anyOp, { maxLength: 60 }), (ops) => {
      const doc = play(ops, PROPOSED);
      expect([...doc.order].sort()).toEqual(Object.keys(doc.masks).sort());
      const numbers = masksOf(doc).map((kept) => kept.number);
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(doc.draft.base === null || doc.draft.base in doc.masks).toBe(true);
      expect(doc.draft.prompts.filter((prompt) => prompt.type === "box").length).toBeLessThanOrEqual(1);
    }),
  );
});

test("the differences of two documents turn one into the other", () => {
  fc.assert(
    fc.property(fc.array(anyOp, { maxLength: 30 }), fc.array(anyOp, { maxLength: 30 }), (first, then) => {
      const before = play(first, PROPOSED);
      const after = play(then, before);
      const { added, removed, changed } = differences(before, after);
      const masks = { ...before.masks };
      for (const gone of removed) Reflect.deleteProperty(masks, gone.id);
      for (const kept of [...added, ...changed]) masks[kept.id] = kept;
      expect(masks).toEqual(after.masks);
    }),
  );
});

test("history forgets the oldest steps beyond its limit", () => {
  let history = startWith(EMPTY_DOC);
  for (let x = 0; x < MAX_STEPS + 20; x++) history = commit(history, { kind: "addPrompt", prompt: point(x), shown: null }, "");
  expect(history.past.length).toBe(MAX_STEPS);
});

describe("the draft", () => {
  test("the mask that was shown is noted on the prompt it answered to", () => {
    const { draft } = play([
      { kind: "addPrompt", prompt: point(1), shown: null },
      { kind: "choose", candidate: 2 },
      { kind: "addPrompt", prompt: point(2), shown: 2 },
    ]);
    expect(draft).toEqual({ prompts: [point(1, 2), point(2)], chosen: null, base: null, answered: null });
  });

  test("taking back a prompt brings back the choice made before it, and the same answer", () => {
    const one = play([{ kind: "addPrompt", prompt: point(1), shown: null }]);
    const two = play([{ kind: "addPrompt", prompt: point(2), shown: 1 }], one);
    const back = play([{ kind: "takeBackPrompt" }], two);
    expect(back.draft).toEqual({ prompts: [point(1)], chosen: 1, base: null, answered: null });
    expect(promptsKey(back.draft.prompts)).toBe(promptsKey(one.draft.prompts));
    expect(play([{ kind: "takeBackPrompt" }], back).draft).toEqual(EMPTY_DRAFT);
  });

  test("a second box stands in for the first", () => {
    const { draft } = play([
      { kind: "addPrompt", prompt: box(1), shown: null },
      { kind: "addPrompt", prompt: point(2), shown: 1 },
      { kind: "addPrompt", prompt: box(3), shown: null },
    ]);
    expect(draft.prompts).toEqual([box(3), point(2)]);
  });

  test("another choice on an earlier prompt is another question", () => {
    expect(promptsKey([point(1, 0), point(2)])).not.toBe(promptsKey([point(1, 1), point(2)]));
  });

  test("keeping ends it, undoing that reopens it", () => {
    const history = commit(startWith(play([{ kind: "addPrompt", prompt: point(1), shown: null }])), { kind: "keep", mask: mask("a") }, "keep");
    expect(history.now.draft).toEqual(EMPTY_DRAFT);
    expect(undo(history).now.draft.prompts).toEqual([point(1)]);
    expect(masksOf(undo(history).now)).toEqual([]);
  });
});

describe("pixels changed by hand", () => {
  const edit = (x: number, was: typeof answered | null = null, shown: Candidate = null): Op => ({ kind: "editDraft", rle: dab(x).rle, shown, answered: was });

  test("begin a mask that no model had a part in", () => {
    const doc = play([edit(1), edit(2)]);
    expect(pixelsByHand(doc)).toEqual(dab(2).rle);
    expect(doc.draft).toMatchObject({ prompts: [{ type: "mask" }], answered: null, base: null });
  });

  test("are a prompt for what comes after, and remember what the model had answered before", () => {
    const clicked = play([{ kind: "addPrompt", prompt: point(1), shown: null }]);
    const edited = play([edit(1, answered, 2), edit(2)], clicked);
    expect(edited.draft).toMatchObject({ prompts: [point(1, 2), { type: "mask", rle: dab(2).rle }], answered });
    const further = play([{ kind: "addPrompt", prompt: point(2), shown: null }], edited);
    expect(further.draft.prompts.map(({ type }) => type)).toEqual(["point", "mask", "point"]);
    expect(pixelsByHand(further)).toBeNull();
    expect(play([{ kind: "takeBackPrompt" }], further)).toEqual(edited);
    expect(play([{ kind: "takeBackPrompt" }, { kind: "takeBackPrompt" }], further).draft).toEqual({ ...clicked.draft, chosen: 2 });
  });

  test("of a mask being refined leave its pixels as they were, until it is kept", () => {
    const doc = play([{ kind: "refine", id: "q" }, edit(3)], PROPOSED);
    expect([untouchedBase(doc), pixelsByHand(doc)]).toEqual([null, dab(3).rle]);
    expect(doc.masks).toBe(play([{ kind: "refine", id: "q" }], PROPOSED).masks);
    expect(play([{ kind: "takeBackPrompt" }], doc)).toEqual(play([{ kind: "refine", id: "q" }], PROPOSED));
  });

  test("of a kept mask touch no other, take a proposal, and add to what it has taken", () => {
    const changed = [{ id: "q", pixels: dab(3), clicks: 1, activeSeconds: 0.25 }];
    const history = commit(startWith(PROPOSED), { kind: "editMasks", changed, added: [], removed: [] }, "stroke");
    expect(history.now.masks["q"]).toMatchObject({ ...dab(3), state: "accepted", number: 2, evidence: { clicks: 2, activeSeconds: 1.3 } });
    expect([history.now.masks["p"], history.now.masks["r"]]).toEqual([PROPOSED.masks["p"], PROPOSED.masks["r"]]);
    expect(differences(PROPOSED, history.now).changed.map(({ id }) => id)).toEqual(["q"]);
    expect(undo(history).now).toBe(PROPOSED);
  });
});

test("two hundred strokes on 24 megapixels stay small", () => {
  const image = { width: 6000, height: 4000 };
  const base = strokeRegion([{ x: 3000, y: 2000 }], 1500, image);
  let region = base;
  let history = commit(startWith(EMPTY_DOC), { kind: "editDraft", rle: pixelsOf(base).rle, shown: null, answered: null }, "first");
  for (let i = 0; i < 200; i++) {
    const angle = (i / 200) * 2 * Math.PI;
    const path = Array.from({ length: 12 }, (_, j) => ({ x: 3000 + (1400 + 20 * j) * Math.cos(angle), y: 2000 + (1400 + 20 * j) * Math.sin(angle) + 20 * Math.sin(j) }));
    const painted = strokeRegion(path, 40, image);
    region = i % 2 === 0 ? union(region, painted) : subtract(region, painted);
    history = commit(history, { kind: "editDraft", rle: pixelsOf(region).rle, shown: null, answered: null }, "stroke");
  }
  const bytes = [...history.past.map(({ doc }) => doc), history.now].reduce((sum, doc) => sum + (pixelsByHand(doc)?.counts.length ?? 0), 0);
  expect(history.past.length).toBe(201);
  expect(bytes).toBeLessThan(12e6);
}, 30_000);

describe("proposals", () => {
  test("are accepted as they are, all of them in one step", () => {
    const history = commit(startWith(PROPOSED), { kind: "accept", ids: ["p", "r", "gone"], activeSeconds: 2 }, "accept");
    expect(masksOf(history.now).map(({ id, state }) => `${id} ${state}`)).toEqual(["p accepted", "q proposed", "r accepted"]);
    expect(history.now.masks["p"]?.evidence.activeSeconds).toBe(2);
    expect(differences(PROPOSED, history.now).changed.map(({ id }) => id)).toEqual(["p", "r"]);
    expect(undo(history).now).toBe(PROPOSED);
  });

  test("accepting what is accepted, or gone, is no step", () => {
    const history = commit(startWith(PROPOSED), { kind: "accept", ids: ["gone"], activeSeconds: 2 }, "accept");
    expect(history.past.length).toBe(0);
  });

  test("are refined from their own pixels on, in place, and fall back when the prompts are taken back", () => {
    const refined = play([{ kind: "refine", id: "q" }], PROPOSED);
    expect(untouchedBase(refined)?.id).toBe("q");
    const clicked = play([{ kind: "addPrompt", prompt: point(1), shown: null }], refined);
    expect(clicked.draft).toMatchObject({ base: "q", prompts: [{ type: "mask" }, { type: "point" }] });
    expect(untouchedBase(clicked)).toBeNull();
    const kept = play([{ kind: "keep", mask: mask("q") }], clicked);
    expect(masksOf(kept).map(({ id, number, state }) => [id, number, state])).toEqual([["p", 1, "proposed"], ["q", 2, "accepted"], ["r", 3, "proposed"]]);
    expect(play([{ kind: "takeBackPrompt" }, { kind: "takeBackPrompt" }], clicked)).toEqual(PROPOSED);
  });

  test("are taken by being named", () => {
    const named = play([{ kind: "setCategory", id: "p", categoryId: 3, activeSeconds: 4 }], PROPOSED).masks["p"];
    expect(named).toMatchObject({ state: "accepted", categoryId: 3, evidence: { activeSeconds: 4 } });
  });
});
