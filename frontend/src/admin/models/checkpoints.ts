// Checkpoints on their way to the server, by run. They outlive the tab in which they were begun, not the page.
import { createStore } from "zustand/vanilla";
import { sendCheckpoint } from "../../api/training";
import { askBeforeUnload } from "../../ui/beforeUnload";

export interface Sending {
  name: string;
  bytes: number;
  sentBytes: number;
  /** Why it was not taken; null while it is on its way. */
  error: Error | null;
  stop: () => void;
}

/** What is on its way, and what was refused. */
export const sendings = createStore<Readonly<Record<number, Sending>>>(() => ({}));

const change = (runId: number, part: Partial<Sending>): void => {
  const before = sendings.getState()[runId];
  if (before !== undefined) sendings.setState({ [runId]: { ...before, ...part } });
};

const forget = (runId: number): void => {
  const others = Object.entries(sendings.getState()).filter(([id]) => Number(id) !== runId);
  sendings.setState(Object.fromEntries(others), true);
};

/** Ends when it was taken, refused or stopped. One for each run at a time. */
export async function startSending(runId: number, file: File): Promise<void> {
  const before = sendings.getState()[runId];
  if (before !== undefined && before.error === null) return;
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  sendings.setState({ [runId]: { name: file.name, bytes: file.size, sentBytes: 0, error: null, stop } });
  const stopAsking = askBeforeUnload();
  try {
    await sendCheckpoint(runId, file, { signal: abort.signal, onBytesSent: (sentBytes) => change(runId, { sentBytes }) });
    forget(runId);
  } catch (error) {
    if (abort.signal.aborted) forget(runId);
    else change(runId, { error: error instanceof Error ? error : new Error(String(error)) });
  }
  stopAsking();
}
