// What one person prefers, kept in this browser under their number; other tabs follow.
import { createStore, type StoreApi } from "zustand/vanilla";

export interface Remembered<T> {
  readonly store: StoreApi<T>;
  /** From now on these are the preferences of this person. */
  open(userId: number): void;
}

/** `read` makes something valid of whatever was found: another version of the page may have written it. */
export function remembered<T extends object>(name: string, read: (found: unknown) => T): Remembered<T> {
  const store = createStore<T>(() => read(null));
  let key: string | null = null;
  const load = (text: string | null): void => store.setState(read(parsed(text)), true);
  window.addEventListener("storage", (event) => {
    if (event.key !== null && event.key === key) load(event.newValue);
  });
  store.subscribe((now) => {
    const text = JSON.stringify(now);
    try {
      if (key !== null && localStorage.getItem(key) !== text) localStorage.setItem(key, text);
    } catch {
      // A full or forbidden store: the preference holds until the page is closed.
    }
  });
  return {
    store,
    open(userId) {
      key = null; // what was another person's must not be written under this one's name
      const own = `segloop-${name}-${userId}`;
      load(stored(own));
      key = own;
    },
  };
}

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function parsed(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
