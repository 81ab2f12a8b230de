// A table that may be wider than the window: it scrolls by itself, also by keyboard. What is hidden in it stays in it (position).
import type { ReactNode } from "react";

interface WideTableProps {
  /** What is in it. */
  label: string;
  minWidth: number;
  children: ReactNode;
}

export function WideTable({ label, minWidth, children }: WideTableProps): ReactNode {
  return (
    <div role="region" aria-label={label} tabIndex={0} style={{ overflowX: "auto", position: "relative" }}>
      <div style={{ minWidth }}>{children}</div>
    </div>
  );
}
