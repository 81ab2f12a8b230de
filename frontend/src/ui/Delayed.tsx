// Shows its children only after 150 ms, so that fast answers do not make a skeleton blink.
import { type ReactNode, useEffect, useState } from "react";

const DELAY_MS = 150;

export function Delayed({ children }: { children: ReactNode }): ReactNode {
  const [isDue, setIsDue] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setIsDue(true), DELAY_MS);
    return () => window.clearTimeout(timer);
  }, []);
  return isDue ? children : null;
}
