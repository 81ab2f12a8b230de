import fc from "fast-check";
import { expect, it } from "vitest";
import { ApiError, noAnswer } from "../../api/errors";
import type { NamedFile } from "../../api/images";
import type { Image, UploadAnswer } from "../../api/types";
import { filesOfDialog, filesOfDrop, withoutSystemFiles } from "./collect";
import { planBatches, type Progress, sizeOf, transfer, type Transfer } from "./transfer";

const named = (path: string, size = 1000): NamedFile => ({ path, file: new File([new Uint8Array(size)], path) });

/** A stand-in for a File of any size. */
const sized = (path: string, size: number): NamedFile => ({ path, file: { size } as File });

const image = (id: number): Image => ({
  id, project_id: 1, sha256: "", file_name: "", width: 1, height: 1, format: "JPEG", byte_size: 1,
  created_at: "2026-01-01T00:00:00Z", annotation_count: 0, state: "ready", skip_reason: null,
});

const allAdded = (files: readonly NamedFile[]): UploadAnswer => ({
  created: files.map((_, index) => image(index)), duplicates: [], rejected: [],
});

function how(send: Transfer["send"], part: Partial<Transfer> = {}): Transfer & { waited: number[]; seen: Progress[] } {
  const waited: number[] = [];
  const seen: Progress[] = [];
  return {
    waited,
    seen,
    send,
    wait: (seconds) => Promise.resolve(void waited.push(seconds)),
    signedIn: () => Promise.resolve(),
    signal: new AbortController().signal,
    onProgress: (progress) => seen.push(progress),
    ...part,
  };
}

it("puts every file in exactly one small request, a .zip alone", () => {
  const file = fc.record({ name: fc.constantFrom("a.jpg", "b.png", "c.zip", "D.ZIP"), size: fc.nat(60_000_000) });
  fc.assert(
    fc.property(fc.array(file, { maxLength: 40 }), (drawn) => {
      const files = drawn.map(({ name, size }, index) => sized(`${index}/${name}`, size));
      const batches = planBatches(files);
      expect(batches.flat().map(({ path }) => path).sort()).toEqual(files.map(({ path }) => path).sort());
      for (const batch of batches) {
        expect(batch.length).toBeGreaterThan(0);
        expect(batch.length).toBeLessThanOrEqual(6);
        if (batch.length > 1) {
          expect(sizeOf(batch)).toBeLessThanOrEqual(24_000_000);
          expect(batch.some(({ path }) => path.toLowerCase().endsWith(".zip"))).toBe(false);
        }
      }
    }),
  );
});

it("adds up what the server says about each file", async () => {
  const files = [named("a.jpg"), named("b.jpg"), named("all.zip")];
  const receipt = await transfer(
    files,
    how((batch) =>
      Promise.resolve(
        batch.length === 1
          ? { created: [image(7), image(8)], duplicates: [{ file_name: "x.jpg", image_id: 3 }], rejected: [] }
          : { created: [image(1)], duplicates: [], rejected: [{ file_name: "b.jpg", code: "empty_file", reason: "It is empty." }] },
      ),
    ),
  );
  expect(receipt.added).toBe(3);
  expect(receipt.duplicates).toEqual([{ file_name: "x.jpg", image_id: 3 }]);
  expect(receipt.refused.map(({ file_name, reason }) => [file_name, reason])).toEqual([["b.jpg", "It is empty."]]);
  expect(receipt.notSent).toEqual([]);
});

it("has two requests under way, never more", async () => {
  let underWay = 0;
  let most = 0;
  const files = Array.from({ length: 40 }, (_, index) => named(`${index}.jpg`));
  await transfer(
    files,
    how(async (batch) => {
      most = Math.max(most, ++underWay);
      await Promise.resolve();
      underWay -= 1;
      return allAdded(batch);
    }),
  );
  expect(most).toBe(2);
});

it("waits as long as the server asks and sends again", async () => {
  let calls = 0;
  const busy = new ApiError(503, "overloaded", "Too busy.", { retryAfterSeconds: 3 });
  const way = how((batch) => (++calls < 3 ? Promise.reject(calls === 1 ? busy : noAnswer()) : Promise.resolve(allAdded(batch))));
  const receipt = await transfer([named("a.jpg")], way);
  expect(receipt.added).toBe(1);
  expect(way.waited).toEqual([3, 2]);
});

it("gives up after five repetitions and says which files are missing", async () => {
  const way = how(() => Promise.reject(noAnswer()));
  const receipt = await transfer([named("a.jpg")], way);
  expect(way.waited).toEqual([1, 2, 4, 8, 16]);
  expect(receipt.notSent.map(({ file_name }) => file_name)).toEqual(["a.jpg"]);
});

it("goes on after signing in again", async () => {
  let calls = 0;
  let signIns = 0;
  const way = how(
    (batch) => (++calls === 1 ? Promise.reject(new ApiError(401, "not_signed_in", "")) : Promise.resolve(allAdded(batch))),
    { signedIn: () => Promise.resolve(void signIns++) },
  );
  expect((await transfer([named("a.jpg")], way)).added).toBe(1);
  expect(signIns).toBe(1);
});

it("stops at once when the project is gone, and refuses only the files that are too large", async () => {
  const files = Array.from({ length: 30 }, (_, index) => named(`${index}.jpg`));
  let calls = 0;
  const gone = await transfer(files, how(() => (calls++, Promise.reject(new ApiError(410, "project_deleted", "Deleted.")))));
  expect(calls).toBe(2);
  expect(gone.notSent).toHaveLength(30);

  const large = await transfer(
    [named("big.zip"), named("a.jpg")],
    how((batch) => (batch[0]?.path === "big.zip" ? Promise.reject(new ApiError(413, "too_large", "Too large.")) : Promise.resolve(allAdded(batch)))),
  );
  expect(large.added).toBe(1);
  expect(large.refused).toEqual([{ file_name: "big.zip", reason: "Too large." }]);
});

it("accounts for every file when cancelled", async () => {
  const abort = new AbortController();
  const files = Array.from({ length: 40 }, (_, index) => named(`${index}.jpg`));
  let calls = 0;
  const way = how(
    (batch) => {
      if (++calls < 3) return Promise.resolve(allAdded(batch));
      abort.abort();
      return Promise.reject(new DOMException("", "AbortError"));
    },
    { signal: abort.signal },
  );
  const receipt = await transfer(files, way);
  expect(receipt.added + receipt.notSent.length).toBe(40);
  expect(receipt.added).toBe(12);
  expect(way.seen.at(-1)?.answeredFiles).toBeGreaterThan(0);
});

it("leaves out what systems put into folders, and says how many", () => {
  const paths = ["a.jpg", "trip/.DS_Store", "trip/Thumbs.db", "__MACOSX/trip/a.jpg", "trip/b.png", ".hidden/c.jpg"];
  const { files, leftOut } = withoutSystemFiles(paths.map((path) => named(path)));
  expect(files.map(({ path }) => path)).toEqual(["a.jpg", "trip/b.png"]);
  expect(leftOut).toBe(4);
  expect(filesOfDialog([named("x.jpg").file] as unknown as FileList).files[0]?.path).toBe("x.jpg");
});

it("walks dropped folders to the end, though a reader hands out few entries at a time", async () => {
  const file = (fullPath: string): unknown => ({
    isFile: true, isDirectory: false, fullPath, file: (done: (file: File) => void) => done(new File(["x"], fullPath)),
  });
  const folder = (fullPath: string, children: unknown[]): unknown => ({
    isFile: false, isDirectory: true, fullPath,
    createReader: () => {
      let at = 0;
      return { readEntries: (done: (some: unknown[]) => void) => done(children.slice(at, (at += 100))) };
    },
  });
  const many = Array.from({ length: 250 }, (_, index) => file(`/trip/${index}.jpg`));
  const entries = [folder("/trip", [...many, folder("/trip/day 2", [file("/trip/day 2/a.jpg")])]), file("/b.zip")];
  const items = entries.map((entry) => ({ kind: "file", webkitGetAsEntry: () => entry })) as unknown as DataTransferItemList;
  const { files } = await filesOfDrop(items);
  expect(files).toHaveLength(252);
  expect(files.map(({ path }) => path)).toContain("trip/day 2/a.jpg");
});
