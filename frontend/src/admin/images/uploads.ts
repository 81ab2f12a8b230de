// The uploads of this page, by project. They outlive the tab in which they were started, not the page.
import { createStore } from "zustand/vanilla";
import { connection } from "../../api/connection";
import { uploadImages } from "../../api/images";
import { askBeforeUnload } from "../../ui/beforeUnload";
import { words as errorWords } from "../../words/errors";
import type { Collected } from "./collect";
import { emptyReceipt, type Receipt, sizeOf, transfer } from "./transfer";

export interface Upload {
  state: "sending" | "done" | "cancelled";
  files: number;
  answeredFiles: number;
  bytes: number;
  sentBytes: number;
  leftOut: number;
  startedAtMs: number;
  nowMs: number;
  receipt: Receipt;
  cancel: () => void;
}

export const uploads = createStore<Readonly<Record<number, Upload>>>(() => ({}));

const change = (projectId: number, part: Partial<Upload>): void => {
  const before = uploads.getState()[projectId];
  if (before !== undefined) uploads.setState({ [projectId]: { ...before, nowMs: Date.now(), ...part } });
};

export function closeReceipt(projectId: number): void {
  const others = Object.entries(uploads.getState()).filter(([id]) => Number(id) !== projectId);
  uploads.setState(Object.fromEntries(others), true);
}

export const isSending = (projectId: number): boolean => uploads.getState()[projectId]?.state === "sending";

/** Sends the files; the receipt is in the store afterwards. One upload per project at a time. */
export async function startUpload(projectId: number, { files, leftOut }: Collected): Promise<void> {
  if (isSending(projectId)) return;
  const abort = new AbortController();
  const { signal } = abort;
  uploads.setState({
    [projectId]: {
      state: "sending",
      files: files.length,
      answeredFiles: 0,
      bytes: sizeOf(files),
      sentBytes: 0,
      leftOut,
      startedAtMs: Date.now(),
      nowMs: Date.now(),
      receipt: emptyReceipt(),
      cancel: () => abort.abort(),
    },
  });
  const stopAsking = askBeforeUnload();
  const receipt = await transfer(files, {
    send: (batch, onBytesSent) => uploadImages(projectId, batch, { signal, onBytesSent }),
    wait: (seconds) => wait(seconds, signal),
    signedIn: () => signedInAgain(signal),
    signal,
    onProgress: (progress) => change(projectId, progress),
  });
  change(projectId, { state: signal.aborted ? "cancelled" : "done", receipt });
  stopAsking();
}

function wait(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = window.setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer);
      reject(new DOMException(errorWords.cancelledUpload, "AbortError"));
    });
  });
}

function signedInAgain(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const unsubscribe = connection.subscribe(({ isSessionExpired }) => {
      if (isSessionExpired) return;
      unsubscribe();
      resolve();
    });
    signal.addEventListener("abort", () => {
      unsubscribe();
      reject(new DOMException(errorWords.cancelledUpload, "AbortError"));
    });
  });
}
