// The bottom line: the time of this mask, how many there are, and the keys that matter now.
import { type ReactNode, useEffect, useState } from "react";
import { masksOf } from "../../canvas/document";
import { activeMsAt } from "../effort";
import { sensibleKeys } from "../keymap";
import { docOf } from "../state";
import { strings } from "../strings";
import classes from "../workspace.module.css";
import { useWorkspace } from "./context";
import { KeyCap } from "./Panels";

const HINTS = {
  idle: [["Click", strings.status.click], ["Drag", strings.status.box], ["Ctrl+Enter", strings.status.finish], ["K", strings.status.skip]],
  prompts: [["Enter", strings.status.keep], ["Click", strings.status.click], ["Right click", strings.status.background], ["Backspace", strings.status.takeBack]],
  candidates: [["Enter", strings.status.keep], ["1 2 3", strings.status.choose], ["Right click", strings.status.background], ["Backspace", strings.status.takeBack]],
  refining: [["Click", strings.status.click], ["Right click", strings.status.background], ["Enter", strings.status.keep], ["Esc", strings.status.drop]],
  review: [["A", strings.status.accept], ["D", strings.status.reject], ["R", strings.status.refine], [".", strings.status.next]],
  audit: [["A", strings.status.fine], ["D", strings.status.reject], ["R", strings.status.refine], ["Ctrl+Enter", strings.status.finish]],
  waiting: [[".", strings.status.next], ["Click", strings.status.click], ["Ctrl+Enter", strings.status.finish]],
  selected: [["R", strings.status.refine], ["Delete", strings.status.remove], ["Esc", strings.status.unselect], ["Ctrl+Enter", strings.status.finish]],
} as const;

export function StatusLine(): ReactNode {
  const masks = useWorkspace((state) => masksOf(docOf(state)).filter((mask) => mask.state === "accepted").length);
  const notice = useWorkspace((state) => state.notice);
  const keys = useWorkspace(sensibleKeys);
  return (
    <footer className={classes["status"]}>
      <Clock />
      <span className={classes["tabular"]}>{strings.status.masks(masks)}</span>
      <Waiting />
      {notice !== null && <span className={classes["notice"]}>{notice}</span>}
      <span style={{ flex: 1 }} />
      {HINTS[keys].map(([keys, does]) => (
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
  const hintSeconds = useWorkspace((state) => state.work?.hint_seconds ?? 0);
  const seconds = activeMsAt(effort, Math.max(now, effort.lastAt ?? 0)) / 1000;
  const isLong = hintSeconds > 0 && seconds >= hintSeconds;
  return (
    <span className={classes["clock"]} data-long={isLong}>
      {strings.status.clock(seconds)} {strings.status.thisMask}
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
