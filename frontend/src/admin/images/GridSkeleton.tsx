// The place of the grid while its first page is being fetched.
import type { ReactNode } from "react";
import { Delayed } from "../../ui/Delayed";
import { words } from "../../words/images";

export function GridSkeleton(): ReactNode {
  return (
    <Delayed>
      <div
        className="images-grid"
        role="status"
        aria-busy="true"
        aria-label={words.loading}
        style={{ display: "grid", gap: 12, gridTemplateColumns: "repeat(auto-fill, minmax(176px, 1fr))" }}
      >
        {Array.from({ length: 24 }, (_, index) => (
          <span key={index} className="tile" style={{ height: 170 }}>
            <span className="tile-photo" />
            <span className="tile-caption" />
          </span>
        ))}
      </div>
    </Delayed>
  );
}
