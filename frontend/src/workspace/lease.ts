// The lease of the open photo: kept by a heartbeat, given back when one leaves.
import { ApiError } from "../api/errors";
import { heartbeat, isGone, release, type WorkItem } from "./server";
import type { Store } from "./state";
import { tabLock } from "./tabLock";

export interface Lease {
  keep(work: WorkItem): void;
  drop(): void;
}

const FIRST_HEARTBEAT_SHARE = 1 / 3;
const RETRY_MS = 3000;
/** A tab lets go of its lock much sooner. */
const LAST_TAB_MS = 2000;

export function createLease(store: Store): Lease {
  let timer: ReturnType<typeof setTimeout> | undefined;

  const keep = (work: WorkItem): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void beat(work), work.lease_seconds * 1000 * FIRST_HEARTBEAT_SHARE);
  };
  const beat = async (work: WorkItem): Promise<void> => {
    try {
      const renewed = await heartbeat(work);
      const isSame = store.getState().work?.id === work.id;
      if (isSame) keep({ ...work, lease_seconds: renewed.lease_seconds });
    } catch (error) {
      if (store.getState().work?.id !== work.id) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "lease_lost") store.setState({ isLeaseLost: true });
      else if (isGone(error)) store.setState({ phase: { kind: "gone", message: error.message } });
      else keep({ ...work, lease_seconds: RETRY_MS / 1000 / FIRST_HEARTBEAT_SHARE });
    }
  };

  return { keep, drop: () => clearTimeout(timer) };
}

/** Leaves the photo to others, unless another tab of this person works on it. Whatever fails here, the lease runs out. */
export async function giveBack(work: WorkItem): Promise<void> {
  if (!("locks" in navigator)) return;
  const isAlone = navigator.locks.request(tabLock(work.image.project_id), { signal: AbortSignal.timeout(LAST_TAB_MS) }, () => true);
  await isAlone.then(() => release(work)).catch(() => undefined);
}
