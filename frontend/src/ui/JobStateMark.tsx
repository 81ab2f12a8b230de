// The state of a job as a word with a sign, never as colour alone.
import { IconAlertTriangle, IconBan, IconCheck, IconClock, IconPlayerPlay } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { words } from "../words/ui";

const MARKS = {
  queued: { colour: "var(--sl-muted)", Icon: IconClock },
  running: { colour: "var(--sl-accent)", Icon: IconPlayerPlay },
  done: { colour: "var(--sl-green)", Icon: IconCheck },
  dead: { colour: "var(--sl-red)", Icon: IconAlertTriangle },
  cancelled: { colour: "var(--sl-muted)", Icon: IconBan },
} as const;

export function JobStateMark({ state }: { state: keyof typeof MARKS }): ReactNode {
  const { colour, Icon } = MARKS[state];
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: 6, width: 96, flex: "none" }}>
      <Icon size={16} aria-hidden color={colour} />
      {words.jobStates[state]}
    </span>
  );
}
