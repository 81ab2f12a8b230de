// The bottom line: the time of this mask, how many there are, and the keys that matter now.
import { type ReactNode, useEffect, useState } from "react";
import { activeMsAt } from "../effort";
import { sensibleKeys } from "../keymap";
import { docOf } from "../state";
import { strings } from "../strings";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { KeyCap } from "./Panels";

const LONG_SECONDS = 30;
const HINTS = {
  idle: [["Click", strings.status.click], ["Drag", strings.status.box], ["Ctrl+Enter", strings.status.finish], ["K", strings.status.skip]],
  prompts: [["Enter", strings.status.keep], ["Click", strings.status.click], ["Right click", strings.status.background], ["Backspace", strings.status.takeBack]],
  candidates: [["Enter", strings.status.keep], ["1 2 3", strings.status.choose], ["Right click", strings.status.background], ["Backspace", strings.status.takeBack]],
  selected: [["Delete", strings.status.remove], ["Esc", strings.status.unselect], ["Ctrl+Enter", strings.status.finish]],
} as const;

export function StatusLine(): ReactNode {
  const { session } = useWorkplace();
  const masks = useWorkspace((state) => docOf(state).order.length);
  const notice = useWorkspace((state) => state.notice);
  useWorkspace((state) => state.selectedId);
  useWorkspace((state) => state.asked);
  useWorkspace((state) => docOf(state).draft);
  return (
    <footer className={classes["status"]}>
      <Clock />
      <span className={classes["tabular"]}>{strings.status.masks(masks)}</span>
      <Waiting />
      {notice !== null && <span className={classes["notice"]}>{notice}</span>}
      <span style={{ flex: 1 }} />
      {HINTS[sensibleKeys(session)].map(([keys, does]) => (
        <span key={keys} className={classes["hint"]}><KeyCap>{keys}</KeyCap> {does}</span>
      ))}
      <span className={classes["hint"]}><KeyCap>?</KeyCap> {strings.status.keys}</span>
    </footer>
  );
}

function Clock(): ReactNode {
  const effort = useWorkspace((state) => state.effort);
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(performance.now()), 500);
    return () => window.clearInterval(timer);
  }, []);
  const seconds = activeMsAt(effort, Math.max(now, effort.lastAt ?? 0)) / 1000;
  const isLong = seconds >= LONG_SECONDS;
  return (
    <span className={classes["clock"]} data-long={isLong}>
      {strings.status.clock(seconds)} {strings.status.thisMask}
      {isLong && <span className={classes["hint"]}>, {strings.status.long}</span>}
    </span>
  );
}

/** What is being waited for, in words, once the ring at the cursor shows too. */
function Waiting(): ReactNode {
  const isAsking = useWorkspace((state) => state.asked.state.kind === "asking");
  const isEmbedded = useWorkspace((state) => state.isEmbedded);
  const isFinishing = useWorkspace((state) => state.isFinishing);
  const [isDue, setIsDue] = useState(false);
  const isWaiting = isAsking || isFinishing;
  useEffect(() => {
    if (!isWaiting) return undefined;
    const timer = window.setTimeout(() => setIsDue(true), 150);
    return () => {
      window.clearTimeout(timer);
      setIsDue(false);
    };
  }, [isWaiting]);
  if (!isWaiting || !isDue) return null;
  const words = isFinishing ? strings.status.finishing : isEmbedded ? strings.status.asking : strings.status.preparing;
  return <span className={classes["notice"]}>{words}</span>;
}
