import "fake-indexeddb/auto";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { apply, EMPTY_DOC, masksOf } from "../canvas/document";
import { startWith } from "../canvas/history";
import { noAnswer } from "../api/errors";
import { createEditing } from "./editing";
import { maskOfAnnotation } from "./masks";
import { createAsker } from "./predict/asker";
import { openDatabase } from "./save/database";
import { createOutbox, type Outbox } from "./save/outbox";
import type { Annotation, AnnotationCalls, WorkItem } from "./server";
import { createWorkspaceStore, docOf, reviewIn } from "./state";

const SCORES = [0.95, 0.85, 0.6, 0.3];
const RLE = { size: [4, 4] as [number, number], counts: "5;" };

/** Four proposals on one image, and what the server makes of decisions; `wire` can be cut. */
function createServer() {
  const rows = new Map(
    SCORES.map((predicted_iou, i) => {
      const proposal = { rle: RLE, predicted_iou, stability_score: 1 };
      const said = { flags: [], comment: "", category_id: null, clicks: 0, active_seconds: 0, prompts: [] };
      return [i + 1, { id: i + 1, revision: 1, state: "proposed", origin: "detector", rle: RLE, area: 11, bbox_xywh: [0, 0, 4, 4], proposal, ...said } as unknown as Annotation];
    }),
  );
  const wire = { isCut: false };
  const become = async (id: number, revision: number | null, state: Annotation["state"]): Promise<Annotation> => {
    await Promise.resolve();
    if (wire.isCut) throw noAnswer();
    const row = rows.get(id) ?? expect.fail();
    if (revision !== null) expect(revision).toBe(row.revision);
    rows.set(id, { ...row, revision: row.revision + 1, state });
    return rows.get(id) ?? expect.fail();
  };
  const calls: AnnotationCalls = {
    create: () => expect.fail("no mask is drawn here"),
    change: (id, _, revision) => become(id, revision, "accepted"),
    remove: async (id, revision) => void (await become(id, revision, "rejected")),
    restore: (id) => become(id, null, "proposed"),
    propose: (id, revision) => become(id, revision, "proposed"),
  };
  return { rows, wire, calls, states: () => [...rows.values()].map(({ state }) => state) };
}

let open: Outbox[] = [];
let databases = 0;
afterEach(() => {
  for (const outbox of open) outbox.close();
  open = [];
});

async function start() {
  const server = createServer();
  const database = await openDatabase(`deciding-${databases++}`);
  const outbox = createOutbox({ database, userId: 1, calls: server.calls, sessionIsBack: () => Promise.resolve() });
  open.push(outbox);
  const store = createWorkspaceStore();
  const asker = createAsker({ predict: () => expect.fail("nobody asks for a mask here") }, () => undefined);
  const editing = createEditing(store, { outbox, asker });
  const masks = [...server.rows.values()].map((annotation) => {
    const mask = maskOfAnnotation(annotation);
    outbox.know(mask.id, annotation);
    return mask;
  });
  const beginning = apply(EMPTY_DOC, { kind: "load", masks });
  const work = { id: 1, image: { id: 7, file_name: "cat.jpg" }, is_audit: false } as WorkItem;
  store.setState({ phase: { kind: "working" }, work, history: startWith(beginning), proposed: masks.length });
  const saved = (): Promise<void> => vi.waitFor(() => expect(outbox.state.getState().kind).toBe("saved"), { timeout: 9000 });
  return { server, outbox, store, editing, beginning, saved };
}

test("all undecided proposals are rejected in one step, those left out by the filter, too", async () => {
  const { server, store, editing, beginning, saved } = await start();
  editing.acceptSelected();
  editing.acceptSelected();
  editing.filterAt(0.5);
  expect(reviewIn(store.getState())).toMatchObject({ left: 3, hidden: 1 });
  editing.rejectAll();
  expect(masksOf(docOf(store.getState())).map(({ number, state }) => [number, state])).toEqual([[1, "accepted"]]);
  expect(store.getState()).toMatchObject({ selectedId: null, announcement: "3 proposals rejected, 1 of them left out by the least score" });
  await saved();
  expect(server.states()).toEqual(["accepted", "rejected", "rejected", "rejected"]);
  editing.rejectAll();
  editing.undo();
  await saved();
  expect(server.states()).toEqual(["accepted", "proposed", "proposed", "proposed"]);
  editing.undo();
  expect(docOf(store.getState())).toBe(beginning);
});

test("what was rejected without a network waits, and a mask that is being made is ended first", async () => {
  const { server, outbox, store, editing, saved } = await start();
  editing.select("annotation-2");
  editing.refine();
  editing.rejectAll();
  expect(reviewIn(store.getState()).left).toBe(4);
  expect(store.getState().notice).toMatch(/not kept yet/);
  editing.undo();
  server.wire.isCut = true;
  editing.rejectAll();
  await vi.waitFor(() => expect(outbox.state.getState()).toMatchObject({ kind: "offline", waiting: 4 }));
  expect(server.states()).toEqual(["proposed", "proposed", "proposed", "proposed"]);
  server.wire.isCut = false;
  await outbox.flush();
  await saved();
  expect(server.states()).toEqual(["rejected", "rejected", "rejected", "rejected"]);
});

test("however proposals are decided, undone and redone, the server has what the page shows", async () => {
  const action = fc.constantFrom("accept", "reject", "acceptAll", "rejectAll", "undo", "redo", "filter", "unfilter");
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 20 }), async (actions) => {
      const { server, store, editing, beginning, saved } = await start();
      for (const one of actions) {
        if (one === "filter") editing.filterAt(0.7);
        else if (one === "unfilter") editing.filterAt(0);
        else editing[one]();
        if (one === "rejectAll") expect(reviewIn(store.getState()).left).toBe(0);
      }
      await saved();
      const { masks } = docOf(store.getState());
      expect(server.states()).toEqual(SCORES.map((_, i) => masks[`annotation-${i + 1}`]?.state ?? "rejected"));
      while (store.getState().history.past.length > 0) editing.undo();
      expect(docOf(store.getState())).toBe(beginning);
      await saved();
      expect(server.states()).toEqual(SCORES.map(() => "proposed"));
    }),
    { numRuns: 60 },
  );
}, 60_000);
