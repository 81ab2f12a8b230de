// Says that the same project is open twice: both tabs save through one queue, but the photo is lent only once.
import { type ReactNode, useEffect, useState } from "react";
import { words } from "../../words/workspace";
import { tabLock } from "../tabLock";
import classes from "../workspace.module.css";

export function SecondTab({ projectId }: { projectId: number }): ReactNode {
  const isSecond = useIsSecond(tabLock(projectId));
  if (!isSecond) return null;
  return <div className={classes["strip"]} role="status" data-banner="second-tab">{words.secondTab}</div>;
}

/** Whether another tab of this browser holds the name; it is taken over as soon as that one lets go. */
function useIsSecond(name: string): boolean {
  const [isSecond, setIsSecond] = useState(false);
  useEffect(() => {
    if (!("locks" in navigator)) return undefined;
    const closed = new AbortController();
    const hold = (): Promise<void> => new Promise((release) => closed.signal.addEventListener("abort", () => release()));
    const wait = async (): Promise<void> => {
      await navigator.locks.request(name, { signal: closed.signal }, async () => {
        setIsSecond(false);
        await hold();
      });
    };
    const begin = async (): Promise<void> => {
      const isFirst = await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
        if (lock !== null) await hold();
        return lock !== null;
      });
      if (isFirst || closed.signal.aborted) return;
      setIsSecond(true);
      await wait();
    };
    void begin().catch(() => undefined); // this tab is closed before the other one
    return () => closed.abort();
  }, [name]);
  return isSecond;
}
