// How many masks this tab has seen kept, over all photos and reloads of one sitting.
import { masksOf } from "../canvas/document";
import { docOf, type Store, type WorkspaceState } from "./state";

const KEY = "segloop-kept";

/** Counts in the store from now on; returns the function that stops it. */
export function countKept(store: Store): () => void {
  const stored = Number(sessionStorage.getItem(KEY));
  store.setState({ keptInSession: Number.isSafeInteger(stored) && stored > 0 ? stored : 0 });
  return store.subscribe((now, before) => {
    const isSame = now.work !== null && now.work === before.work && now.phase.kind === "working" && before.phase.kind === "working";
    if (!isSame || docOf(now).masks === docOf(before).masks) return;
    const change = keptIn(now) - keptIn(before);
    if (change === 0) return;
    const keptInSession = Math.max(0, now.keptInSession + change);
    sessionStorage.setItem(KEY, String(keptInSession));
    store.setState({ keptInSession });
  });
}

const keptIn = (state: WorkspaceState): number => masksOf(docOf(state)).filter((mask) => mask.state === "accepted").length;
