import "fake-indexeddb/auto";
import fc from "fast-check";
import { openDB } from "idb";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError, noAnswer } from "../../api/errors";
import type { Annotation, AnnotationCalls, AnnotationIn } from "../server";
import { openDatabase } from "./database";
import { createOutbox, type Outbox, type WantedMask } from "./outbox";

const body = (clicks: number, comment = ""): AnnotationIn => ({ rle: { size: [2, 2], counts: "13" }, prompts: [], clicks, active_seconds: 1, flags: [], comment });
const mask = (maskId: string, clicks = 1): WantedMask => ({ maskId, imageId: 7, imageName: "cat.jpg", origin: "model", body: body(clicks), endsDraft: true });

interface Row {
  id: number;
  key: string;
  revision: number;
  state: "accepted" | "proposed" | "rejected" | "deleted";
  clicks: number;
  comment?: string;
}

const isGone = ({ state }: Row): boolean => state === "rejected" || state === "deleted";

/** The server's rules for annotations, with a wire that can be cut before or after the server has heard. */
function createServer() {
  const rows: Row[] = [];
  const log: string[] = [];
  const wire = { fails: (): "before" | "after" | ApiError | null => null };
  const out = (row: Row) => ({ ...row, ...body(row.clicks, row.comment), category_id: null }) as unknown as Annotation;
  const find = (id: number): Row => {
    const row = rows.find((candidate) => candidate.id === id);
    if (row === undefined) throw new ApiError(404, "annotation_not_found", "There is no such mask.");
    return row;
  };
  const check = (row: Row, revision: number): void => {
    if (row.revision !== revision) throw new ApiError(412, "revision_conflict", "Changed meanwhile.", { body: { current: out(row) } });
  };
  const send = async <T>(name: string, work: () => T): Promise<T> => {
    const failure = wire.fails();
    await Promise.resolve();
    if (failure instanceof ApiError) throw failure;
    if (failure === "before") throw noAnswer();
    log.push(name);
    const result = work();
    if (failure === "after") throw noAnswer();
    return result;
  };
  const calls: AnnotationCalls = {
    create: (_, wanted, key) =>
      send(`create ${key}`, () => {
        const earlier = rows.find((row) => row.key === key);
        if (earlier !== undefined && earlier.clicks !== wanted.clicks && earlier.revision === 1) {
          throw new ApiError(422, "idempotency_key_reused", "Another mask had this key.");
        }
        if (earlier !== undefined) return out(earlier);
        const row = { id: rows.length + 1, key, revision: 1, state: "accepted" as const, clicks: wanted.clicks, comment: wanted.comment };
        rows.push(row);
        return out(row);
      }),
    change: (id, wanted, revision) =>
      send(`change ${id}`, () => {
        const row = find(id);
        check(row, revision);
        Object.assign(row, { revision: row.revision + 1, clicks: wanted.clicks, comment: wanted.comment, state: "accepted" });
        return out(row);
      }),
    remove: (id, revision) =>
      send(`remove ${id}`, () => {
        const row = find(id);
        if (isGone(row)) return;
        check(row, revision);
        Object.assign(row, { revision: row.revision + 1, state: row.state === "proposed" ? "rejected" : "deleted" });
      }),
    restore: (id) =>
      send(`restore ${id}`, () => {
        const row = find(id);
        if (isGone(row)) Object.assign(row, { revision: row.revision + 1, state: row.state === "rejected" ? "proposed" : "accepted" });
        return out(row);
      }),
    propose: (id, revision) =>
      send(`propose ${id}`, () => {
        const row = find(id);
        if (row.state === "proposed") return out(row);
        check(row, revision);
        Object.assign(row, { revision: row.revision + 1, state: "proposed", clicks: 0 });
        return out(row);
      }),
  };
  /** A proposal of a job, as the page gets it. */
  const propose = (name: string): Annotation => {
    const row = { id: rows.length + 1, key: name, revision: 1, state: "proposed" as const, clicks: 0 };
    rows.push(row);
    return out(row);
  };
  return { rows, log, wire, calls, propose };
}

const open: Outbox[] = [];
let databases = 0;
async function start(server: ReturnType<typeof createServer>, name = `outbox-${databases++}`, sessionIsBack = () => Promise.resolve()) {
  const database = await openDatabase(name);
  const outbox = createOutbox({ database, userId: 1, calls: server.calls, sessionIsBack });
  open.push(outbox);
  return { outbox, name, database };
}
const saved = (outbox: Outbox): Promise<void> => vi.waitFor(() => expect(outbox.state.getState().kind).toBe("saved"), { timeout: 9000 });

afterEach(() => {
  for (const outbox of open.splice(0)) outbox.close();
});

test("masks arrive in the order in which they were kept", async () => {
  const server = createServer();
  const { outbox } = await start(server);
  await Promise.all([outbox.want(mask("a"), "kept"), outbox.want(mask("b"), "kept"), outbox.want(mask("c"), "kept")]);
  await saved(outbox);
  expect(server.log).toEqual(["create a", "create b", "create c"]);
});

test("an answer that got lost makes no second mask, even when the mask was changed meanwhile", async () => {
  const server = createServer();
  server.wire.fails = () => "after";
  const { outbox } = await start(server);
  await outbox.want(mask("a", 1), "kept");
  await vi.waitFor(() => expect(outbox.state.getState().kind).toBe("offline"));
  await outbox.want(mask("a", 5), "kept");
  server.wire.fails = () => null;
  await outbox.flush();
  await saved(outbox);
  expect(server.rows).toMatchObject([{ clicks: 5, state: "accepted" }]);
});

test("what waits survives a reload, and is sent then", async () => {
  const server = createServer();
  server.wire.fails = () => "before";
  const first = await start(server);
  await first.outbox.want(mask("a"), "kept");
  await vi.waitFor(() => expect(first.outbox.state.getState()).toMatchObject({ kind: "offline", waiting: 1 }));
  first.outbox.close();
  server.wire.fails = () => null;
  const second = await start(server, first.name);
  await vi.waitFor(() => expect(server.rows.length).toBe(1));
  await saved(second.outbox);
});

test("what is said of a mask is a change of it, and is sent once", async () => {
  const server = createServer();
  const { outbox } = await start(server);
  await outbox.want(mask("a"), "kept");
  await saved(outbox);
  const said = { ...mask("a"), body: body(1, "one cell?") };
  await outbox.want(said, "kept");
  await saved(outbox);
  await outbox.want(said, "kept");
  await saved(outbox);
  expect(server.rows).toMatchObject([{ comment: "one cell?", revision: 2 }]);
  expect(server.log).toEqual(["create a", "change 1"]);
});

test("what another tab changed is met as a conflict, what it sends for this one is not", async () => {
  const server = createServer();
  const proposal = server.propose("p");
  const { outbox: one, name } = await start(server);
  const { outbox: other } = await start(server, name);
  for (const outbox of [one, other]) outbox.know("p", proposal);
  for (const clicks of [3, 4]) {
    await one.want(mask("p", clicks), "kept");
    await saved(one);
  }
  await other.want(mask("p", 9), "kept");
  await vi.waitFor(() => expect(other.state.getState().refused[0]?.refusal?.code).toBe("revision_conflict"));
  expect(server.rows[0]).toMatchObject({ clicks: 4, revision: 3 });
  await other.sendAgain("p");
  await saved(other);
  expect(server.rows[0]).toMatchObject({ clicks: 9, revision: 4 });
});

test("what was wanted is sent although the page is left", async () => {
  const server = createServer();
  const { outbox } = await start(server);
  const wanted = Array.from({ length: 5 }, (_, number) => outbox.want(mask(`m${number}`), "kept"));
  outbox.close();
  await Promise.all(wanted);
  await vi.waitFor(() => expect(server.rows).toHaveLength(5));
});

test("a mask taken back before it was ever sent never reaches the server", async () => {
  const server = createServer();
  server.wire.fails = () => new ApiError(401, "not_signed_in", "Sign in.");
  let signIn = (): void => undefined;
  const { outbox } = await start(server, undefined, () => new Promise<void>((back) => (signIn = back)));
  await outbox.want(mask("a"), "kept");
  await vi.waitFor(() => expect(outbox.state.getState().kind).toBe("offline"));
  await outbox.want(mask("b"), "kept");
  await outbox.want(mask("b"), "removed");
  server.wire.fails = () => null;
  signIn();
  await saved(outbox);
  expect(server.log).toEqual(["create a"]);
});

test("undo and redo of keeping: removed, then restored", async () => {
  const server = createServer();
  const { outbox } = await start(server);
  await outbox.want(mask("a"), "kept");
  await saved(outbox);
  await outbox.want(mask("a"), "removed");
  await saved(outbox);
  await outbox.want(mask("a"), "kept");
  await saved(outbox);
  expect(server.log).toEqual(["create a", "remove 1", "restore 1"]);
});

test("a refused mask is set aside with its reason, and the others go on", async () => {
  const server = createServer();
  server.wire.fails = () => (server.log.length === 0 ? new ApiError(422, "empty_mask", "No pixels.") : null);
  const { outbox } = await start(server);
  await outbox.want(mask("a"), "kept");
  await vi.waitFor(() => expect(outbox.state.getState().refused.length).toBe(1));
  server.wire.fails = () => null;
  await outbox.want(mask("b"), "kept");
  await saved(outbox);
  expect(outbox.state.getState().refused).toMatchObject([{ maskId: "a", refusal: { code: "empty_mask" } }]);
  await outbox.sendAgain("a");
  await saved(outbox);
  expect(server.rows.map((row) => row.key)).toEqual(["b", "a"]);
});

test.each([["mine", 9], ["theirs", 77]])("two people change one mask; %s is taken", async (whose, clicks) => {
  const server = createServer();
  const { outbox } = await start(server);
  await outbox.want(mask("a"), "kept");
  await saved(outbox);
  Object.assign(server.rows[0] ?? {}, { revision: 2, clicks: 77 });
  await outbox.want(mask("a", 9), "kept");
  await vi.waitFor(() => expect(outbox.state.getState().refused[0]?.refusal).toMatchObject({ code: "revision_conflict", current: { clicks: 77 } }));
  await (whose === "mine" ? outbox.sendAgain("a") : outbox.giveUp("a"));
  await saved(outbox);
  expect(outbox.state.getState().refused).toEqual([]);
  expect(server.rows[0]?.clicks).toBe(clicks);
});

test("a proposal taken as it is, corrected meanwhile by somebody else: mine is taken all the same", async () => {
  const server = createServer();
  const { outbox } = await start(server);
  outbox.know("a", server.propose("a"));
  Object.assign(server.rows[0] ?? {}, { revision: 2, state: "accepted", clicks: 77 });
  await outbox.want(mask("a", 0), "kept");
  await vi.waitFor(() => expect(outbox.state.getState().refused[0]?.refusal).toMatchObject({ code: "revision_conflict" }));
  await outbox.sendAgain("a");
  await saved(outbox);
  expect(server.rows[0]?.clicks).toBe(0);
});

test("proposals are taken, corrected and rejected, and become proposals again when that is undone", async () => {
  const server = createServer();
  const { outbox } = await start(server);
  for (const name of ["a", "b", "c"]) outbox.know(name, server.propose(name));
  await outbox.want(mask("a", 0), "kept");
  await outbox.want(mask("b", 2), "kept");
  await outbox.want(mask("c", 0), "removed");
  await saved(outbox);
  expect(server.rows.map(({ state, clicks }) => [state, clicks])).toEqual([["accepted", 0], ["accepted", 2], ["rejected", 0]]);
  for (const name of ["c", "b", "a"]) await outbox.want(mask(name, 0), "proposed");
  await saved(outbox);
  expect(server.rows.map(({ state, clicks }) => [state, clicks])).toEqual([["proposed", 0], ["proposed", 0], ["proposed", 0]]);
  expect(server.log).toEqual(["change 1", "change 2", "remove 3", "restore 3", "propose 2", "propose 1"]);
});

test("a proposal that was accepted and left again before anything was sent costs no request", async () => {
  const server = createServer();
  server.wire.fails = () => new ApiError(401, "not_signed_in", "Sign in.");
  const { outbox } = await start(server, undefined, () => new Promise<void>(() => undefined));
  outbox.know("a", server.propose("a"));
  await outbox.want(mask("b"), "kept");
  await vi.waitFor(() => expect(outbox.state.getState().kind).toBe("offline"));
  await outbox.want(mask("a", 0), "kept");
  await outbox.want(mask("a", 0), "proposed");
  expect(outbox.state.getState().waiting).toBe(1);
});

test("records of the store's first version are read: their masks are sent, their drafts are there", async () => {
  const name = `outbox-${databases++}`;
  const first = await openDB(name, 1, {
    upgrade(database) {
      database.createObjectStore("outbox", { keyPath: "maskId" }).createIndex("byUser", "userId");
      database.createObjectStore("drafts", { keyPath: ["userId", "imageId"] });
    },
  });
  const server = createServer();
  const { id } = server.propose("a");
  Object.assign(server.rows[0] ?? {}, { state: "deleted" });
  const record = { maskId: "a", imageId: 7, imageName: "cat.jpg", body: body(3), userId: 1, order: 1, wanted: "kept", version: 2, sentVersion: 1, tried: null, refusal: null };
  await first.put("outbox", { ...record, server: { annotationId: id, revision: 1, isDeleted: true } });
  await first.put("drafts", { userId: 1, imageId: 7, draft: { prompts: [], chosen: null }, clicks: 0, activeSeconds: 0, categoryId: null, savedAt: 0 });
  first.close();
  const { outbox, database } = await start(server, name);
  await vi.waitFor(() => expect(server.log).toEqual([`restore ${id}`, `change ${id}`]));
  await saved(outbox);
  expect((await database.get("drafts", [1, 7]))?.draft).toEqual({ prompts: [], chosen: null, base: null });
});

test("whatever is wanted and however the wire breaks, the server ends up with what is wanted, once", async () => {
  const action = fc.tuple(fc.constantFrom("keep", "remove", "change", "leave"), fc.constantFrom("a", "b", "c", "proposal"));
  const breaks = fc.array(fc.constantFrom("before", "after", null, null), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 12 }), breaks, async (actions, failures) => {
      const server = createServer();
      const left = [...failures] as ("before" | "after" | null)[];
      server.wire.fails = () => left.shift() ?? null;
      const { outbox } = await start(server);
      outbox.know("proposal", server.propose("proposal"));
      const wanted = new Map<string, number>([["proposal", 0]]);
      const kept = new Map<string, number>();
      let isLeft = true;
      const want = (id: string, clicks: number, how: "kept" | "proposed"): Promise<void> => {
        if (id === "proposal") isLeft = how === "proposed";
        wanted.set(id, clicks);
        return outbox.want(mask(id, clicks), how);
      };
      for (const [kind, id] of actions) {
        const clicks = wanted.get(id);
        if (kind === "leave" && id === "proposal") await want(id, 0, "proposed");
        else if (kind === "remove" && clicks !== undefined) {
          kept.set(id, clicks);
          wanted.delete(id);
          await outbox.want(mask(id, clicks), "removed");
        } else if (kind === "keep" && (clicks === undefined || id === "proposal")) await want(id, clicks ?? kept.get(id) ?? 1, "kept");
        else if (kind === "change" && clicks !== undefined) await want(id, clicks + 1, "kept");
      }
      for (let i = 0; i < 20 && outbox.state.getState().waiting > 0; i++) await outbox.flush();
      await saved(outbox);
      const proposal = server.rows.find((row) => row.key === "proposal");
      if (wanted.has("proposal")) expect(proposal?.state).toBe(isLeft ? "proposed" : "accepted");
      const standing = server.rows.filter((row) => !isGone(row)).map((row) => [row.key, row.clicks]);
      expect(new Map(standing as [string, number][])).toEqual(wanted);
      expect(new Set(server.rows.map((row) => row.key)).size).toBe(server.rows.length);
      expect(outbox.state.getState().refused).toEqual([]);
      outbox.close();
    }),
    { numRuns: 300 },
  );
}, 60_000);
