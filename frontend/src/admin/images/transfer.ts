// Sending many files in small requests, two at a time, and keeping the receipt. No DOM, no store.
import { ApiError, messageOf } from "../../api/errors";
import type { NamedFile } from "../../api/images";
import type { UploadAnswer } from "../../api/types";
import { words as errorWords } from "../../words/errors";

const FILES_PER_REQUEST = 6;
const BYTES_PER_REQUEST = 24_000_000;
const REQUESTS_AT_ONCE = 2;
const RETRY_SECONDS = [1, 2, 4, 8, 16];

export interface Refused {
  file_name: string;
  reason: string;
}

export interface Receipt {
  added: number;
  duplicates: UploadAnswer["duplicates"];
  refused: Refused[];
  /** Files the server never saw whole: cancelled, or no answer in spite of patience. */
  notSent: Refused[];
}

export interface Progress {
  answeredFiles: number;
  sentBytes: number;
  receipt: Receipt;
}

export interface Transfer {
  send: (files: readonly NamedFile[], onBytesSent: (bytes: number) => void) => Promise<UploadAnswer>;
  /** Resolves after so many seconds; rejects when the transfer is cancelled. */
  wait: (seconds: number) => Promise<void>;
  /** Resolves when somebody has signed in again; rejects when the transfer is cancelled. */
  signedIn: () => Promise<void>;
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

export const isZip = ({ path }: NamedFile): boolean => path.toLowerCase().endsWith(".zip");

export const emptyReceipt = (): Receipt => ({ added: 0, duplicates: [], refused: [], notSent: [] });

/** Few files per request, so that progress is real and little is repeated after a fault; a .zip goes alone. */
export function planBatches(files: readonly NamedFile[]): NamedFile[][] {
  const batches: NamedFile[][] = [];
  let open: NamedFile[] = [];
  let openBytes = 0;
  for (const file of files) {
    if (isZip(file)) {
      batches.push([file]);
      continue;
    }
    const isFull = open.length >= FILES_PER_REQUEST || openBytes + file.file.size > BYTES_PER_REQUEST;
    if (open.length === 0 || isFull) {
      open = [];
      openBytes = 0;
      batches.push(open);
    }
    open.push(file);
    openBytes += file.file.size;
  }
  return batches;
}

/** Sends everything; always resolves, with every file accounted for in the receipt. */
export async function transfer(files: readonly NamedFile[], how: Transfer): Promise<Receipt> {
  const batches = planBatches(files);
  const receipt = emptyReceipt();
  const bytesByBatch = new Map<number, number>();
  let answeredFiles = 0;
  let next = 0;
  let end: string | null = null;

  const report = (): void => {
    const sentBytes = [...bytesByBatch.values()].reduce((sum, bytes) => sum + bytes, 0);
    how.onProgress({ answeredFiles, sentBytes, receipt: { ...receipt } });
  };
  const line = async (): Promise<void> => {
    for (let index = next++; index < batches.length; index = next++) {
      const batch = batches[index] ?? [];
      const reason = how.signal.aborted ? errorWords.cancelledUpload : end;
      if (reason !== null) {
        receipt.notSent = [...receipt.notSent, ...refuse(batch, reason)];
        continue;
      }
      const outcome = await sendPatiently(batch, how, (bytes) => {
        bytesByBatch.set(index, bytes);
        report();
      });
      if ("answer" in outcome) addAnswer(receipt, outcome.answer);
      else {
        receipt[outcome.isRefusal ? "refused" : "notSent"].push(...refuse(batch, outcome.reason));
        if (outcome.isEnd) end = outcome.reason;
      }
      bytesByBatch.set(index, sizeOf(batch));
      answeredFiles += batch.length;
      report();
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, line));
  return receipt;
}

export const sizeOf = (files: readonly NamedFile[]): number => files.reduce((sum, { file }) => sum + file.size, 0);

const refuse = (files: readonly NamedFile[], reason: string): Refused[] =>
  files.map(({ path }) => ({ file_name: path, reason }));

function addAnswer(receipt: Receipt, { created, duplicates, rejected }: UploadAnswer): void {
  receipt.added += created.length;
  receipt.duplicates = [...receipt.duplicates, ...duplicates];
  receipt.refused = [...receipt.refused, ...rejected.map(({ file_name, code, reason }) => ({ file_name, reason: errorWords.refusal(code, reason) }))];
}

type Outcome =
  | { answer: UploadAnswer }
  /** `isRefusal`: the server judged these files. `isEnd`: the rest need not be tried. */
  | { reason: string; isRefusal: boolean; isEnd: boolean };

/** One request; what may pass (no answer, too busy, signed out) is tried again: the same bytes twice are one image. */
async function sendPatiently(
  batch: readonly NamedFile[],
  { send, wait, signedIn, signal }: Transfer,
  onBytesSent: (bytes: number) => void,
): Promise<Outcome> {
  for (let failures = 0; ; failures += 1) {
    try {
      return { answer: await send(batch, onBytesSent) };
    } catch (error) {
      if (signal.aborted) return { reason: errorWords.cancelledUpload, isRefusal: false, isEnd: true };
      const seconds = RETRY_SECONDS[failures];
      const isPassing = error instanceof ApiError && [0, 401, 429, 502, 503, 504].includes(error.status);
      if (!isPassing || seconds === undefined) {
        const status = error instanceof ApiError ? error.status : 0;
        const isEnd = [401, 403, 404, 410, 507].includes(status);
        return { reason: messageOf(error), isRefusal: status === 413 || status === 422 || status === 400, isEnd };
      }
      onBytesSent(0);
      await (error.status === 401 ? signedIn() : wait(error.retryAfterSeconds ?? seconds)).catch(() => undefined);
    }
  }
}
