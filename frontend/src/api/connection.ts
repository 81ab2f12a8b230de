// Whether the server answers and whether the session still holds, as every call finds out.
import { createStore } from "zustand/vanilla";

export interface Connection {
  /** Calls fail without an answer: cable, network or server. */
  isLost: boolean;
  /** The server no longer knows this session, though somebody is signed in on this page. */
  isSessionExpired: boolean;
}

export const connection = createStore<Connection>(() => ({ isLost: false, isSessionExpired: false }));

export function setLost(isLost: boolean): void {
  if (connection.getState().isLost !== isLost) connection.setState({ isLost });
}

export function setSessionExpired(isSessionExpired: boolean): void {
  if (connection.getState().isSessionExpired !== isSessionExpired) connection.setState({ isSessionExpired });
}

const PROBE_INTERVAL_MS = 3000;

/** While the connection is lost asks the server again and again; returns the function that stops it. */
export function watchConnection(): () => void {
  let timer: number | undefined;
  const probe = async (): Promise<void> => {
    const isUp = await fetch("/healthz", { cache: "no-store" }).then((response) => response.ok, () => false);
    if (isUp) {
      setLost(false);
      return;
    }
    setLost(true); // an answer that was on its way when the line broke may have said otherwise
    start();
  };
  const start = (): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void probe(), PROBE_INTERVAL_MS);
  };
  if (connection.getState().isLost) start();
  const unsubscribe = connection.subscribe((now, before) => {
    if (now.isLost && !before.isLost) start();
  });
  const onOffline = (): void => setLost(true);
  const onOnline = (): void => {
    window.clearTimeout(timer);
    void probe();
  };
  window.addEventListener("offline", onOffline);
  window.addEventListener("online", onOnline);
  return () => {
    window.clearTimeout(timer);
    unsubscribe();
    window.removeEventListener("offline", onOffline);
    window.removeEventListener("online", onOnline);
  };
}
