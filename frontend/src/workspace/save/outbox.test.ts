import "fake-indexeddb/auto";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError, noAnswer } from "../../api/errors";
import type { Annotation, AnnotationCalls, AnnotationIn } from "../server";
import { openDatabase } from "./database";
import { createOutbox, type Outbox, type WantedMask } from "./outbox";

const body = (clicks: number): AnnotationIn => ({ rle: { size: [2, 2], counts: "13" }, prompts: [], clicks, active_seconds: 1 });
const mask = (maskId: string, clicks = 1): WantedMask => ({ maskId, imageId: 7, imageName: "cat.jpg", body: body(clicks) });

interface Row {
  id: number;
  key: string;
  revision: number;
  isDeleted: boolean;
  clicks: number;
}

/** The server's rules for annotations, with a wire that can be cut before or after the server has heard. */
function createServer() {
  const rows: Row[] = [];
  const log: string[] = [];
  const wire = { fails: (): "before" | "after" | ApiError | null => null };
  const out = ({ isDeleted, ...row }: Row) =>
    ({ ...row, ...body(row.clicks), category_id: null, state: isDeleted ? "deleted" : "accepted" }) as unknown as Annotation;
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
        const row = { id: rows.length + 1, key, revision: 1, isDeleted: false, clicks: wanted.clicks };
        rows.push(row);
        return out(row);
      }),
    change: (id, wanted, revision) =>
      send(`change ${id}`, () => {
        const row = find(id);
        check(row, revision);
        Object.assign(row, { revision: row.revision + 1, clicks: wanted.clicks });
        return out(row);
      }),
    remove: (id, revision) =>
      send(`remove ${id}`, () => {
        const row = find(id);
        if (row.isDeleted) return;
        check(row, revision);
        Object.assign(row, { revision: row.revision + 1, isDeleted: true });
      }),
    restore: (id) =>
      send(`restore ${id}`, () => {
        const row = find(id);
        if (row.isDeleted) Object.assign(row, { revision: row.revision + 1, isDeleted: false });
        return out(row);
      }),
  };
  return { rows, log, wire, calls };
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
  await Promise.all([outbox.keep(mask("a")), outbox.keep(mask("b")), outbox.keep(mask("c"))]);
  await saved(outbox);
  expect(server.log).toEqual(["create a", "create b", "create c"]);
});

test("an answer that got lost makes no second mask, even when the mask was changed meanwhile", async () => {
  const server = createServer();
  server.wire.fails = () => "after";
  const { outbox } = await start(server);
  await outbox.keep(mask("a", 1));
  await vi.waitFor(() => expect(outbox.state.getState().kind).toBe("offline"));
  await outbox.keep(mask("a", 5));
  server.wire.fails = () => null;
  await outbox.flush();
  await saved(outbox);
  expect(server.rows).toMatchObject([{ clicks: 5, isDeleted: false }]);
});

test("what waits survives a reload, and is sent then", async () => {
  const server = createServer();
  server.wire.fails = () => "before";
  const first = await start(server);
  await first.outbox.keep(mask("a"));
  await vi.waitFor(() => expect(first.outbox.state.getState()).toMatchObject({ kind: "offline", waiting: 1 }));
  first.outbox.close();
  server.wire.fails = () => null;
  const second = await start(server, first.name);
  await vi.waitFor(() => expect(server.rows.length).toBe(1));
  await saved(second.outbox);
});

test("a mask taken back before it was ever sent never reaches the server", async () => {
  const server = createServer();
  server.wire.fails = () => new ApiError(401, "not_signed_in", "Sign in.");
  let signIn = (): void => undefined;
  const { outbox } = await start(server, undefined, () => new Promise<void>((back) => (signIn = back)));
  await outbox.keep(mask("a"));
  await vi.waitFor(() => expect(outbox.state.getState().kind).toBe("offline"));
  await outbox.keep(mask("b"));
  await outbox.remove(mask("b"));
  server.wire.fails = () => null;
  signIn();
  await saved(outbox);
  expect(server.log).toEqual(["create a"]);
});

test("undo and redo of keeping: removed, then restored", async () => {
  const server = createServer();
  const { outbox } = await start(server);
  await outbox.keep(mask("a"));
  await saved(outbox);
  await outbox.remove(mask("a"));
  await saved(outbox);
  await outbox.keep(mask("a"));
  await saved(outbox);
  expect(server.log).toEqual(["create a", "remove 1", "restore 1"]);
});

test("a refused mask is set aside with its reason, and the others go on", async () => {
  const server = createServer();
  server.wire.fails = () => (server.log.length === 0 ? new ApiError(422, "empty_mask", "No pixels.") : null);
  const { outbox } = await start(server);
  await outbox.keep(mask("a"));
  await vi.waitFor(() => expect(outbox.state.getState().refused.length).toBe(1));
  server.wire.fails = () => null;
  await outbox.keep(mask("b"));
  await saved(outbox);
  expect(outbox.state.getState().refused).toMatchObject([{ maskId: "a", refusal: { code: "empty_mask" } }]);
  await outbox.sendAgain("a");
  await saved(outbox);
  expect(server.rows.map((row) => row.key)).toEqual(["b", "a"]);
});

test.each([["mine", 9], ["theirs", 77]])("two people change one mask; %s is taken", async (whose, clicks) => {
  const server = createServer();
  const { outbox } = await start(server);
  await outbox.keep(mask("a"));
  await saved(outbox);
  Object.assign(server.rows[0] ?? {}, { revision: 2, clicks: 77 });
  await outbox.keep(mask("a", 9));
  await vi.waitFor(() => expect(outbox.state.getState().refused[0]?.refusal).toMatchObject({ code: "revision_conflict", current: { clicks: 77 } }));
  await (whose === "mine" ? outbox.sendAgain("a") : outbox.giveUp("a"));
  await saved(outbox);
  expect(outbox.state.getState().refused).toEqual([]);
  expect(server.rows[0]?.clicks).toBe(clicks);
});

test("whatever is wanted and however the wire breaks, the server ends up with what is wanted, once", async () => {
  const action = fc.tuple(fc.constantFrom("keep", "remove", "change"), fc.constantFrom("a", "b", "c"));
  const breaks = fc.array(fc.constantFrom("before", "after", null, null), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 12 }), breaks, async (actions, failures) => {
      const server = createServer();
      const left = [...failures] as ("before" | "after" | null)[];
      server.wire.fails = () => left.shift() ?? null;
      const { outbox } = await start(server);
      const wanted = new Map<string, number>();
      const kept = new Map<string, number>();
      for (const [kind, id] of actions) {
        if (kind === "remove" && wanted.has(id)) {
          kept.set(id, wanted.get(id) ?? 0);
          wanted.delete(id);
          await outbox.remove(mask(id, kept.get(id)));
        } else if (kind === "keep" && !wanted.has(id)) {
          wanted.set(id, kept.get(id) ?? 1);
          await outbox.keep(mask(id, wanted.get(id)));
        } else if (kind === "change" && wanted.has(id)) {
          wanted.set(id, (wanted.get(id) ?? 0) + 1);
          await outbox.keep(mask(id, wanted.get(id)));
        }
      }
      for (let i = 0; i < 20 && outbox.state.getState().waiting > 0; i++) await outbox.flush();
      await saved(outbox);
      const standing = server.rows.filter((row) => !row.isDeleted).map((row) => [row.key, row.clicks]);
      expect(new Map(standing as [string, number][])).toEqual(wanted);
      expect(new Set(server.rows.map((row) => row.key)).size).toBe(server.rows.length);
      expect(outbox.state.getState().refused).toEqual([]);
      outbox.close();
    }),
    { numRuns: 300 },
  );
}, 60_000);
