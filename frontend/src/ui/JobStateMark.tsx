// The state of a job as a word with a sign, never as colour alone.
import { IconAlertTriangle, IconBan, IconCheck, IconClock, IconPlayerPlay } from "@tabler/icons-react";
import type { ReactNode } from "react";

const MARKS = {
  queued: { word: "Waiting", colour: "var(--sl-muted)", Icon: IconClock },
  running: { word: "Running", colour: "var(--sl-accent)", Icon: IconPlayerPlay },
  done: { word: "Done", colour: "var(--sl-green)", Icon: IconCheck },
  dead: { word: "Failed", colour: "var(--sl-red)", Icon: IconAlertTriangle },
  cancelled: { word: "Cancelled", colour: "var(--sl-muted)", Icon: IconBan },
} as const;

export function JobStateMark({ state }: { state: keyof typeof MARKS }): ReactNode {
  const { word, colour, Icon } = MARKS[state];
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: 6, width: 96, flex: "none" }}>
      <Icon size={16} aria-hidden color={colour} />
      {word}
    </span>
  );
}
