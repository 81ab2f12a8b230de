// The bottom line: the time of this mask, how many there are, and the keys that matter now.
import { type ReactNode, useEffect, useState } from "react";
import { useStore } from "zustand";
import { masksOf } from "../../canvas/document";
import { words } from "../../words/workspace";
import { activeMsAt } from "../effort";
import { ownChord, sensibleKeys, withOwnKeys } from "../keymap";
import { keyPreferences } from "../preferences/keys";
import { docOf } from "../state";
import classes from "../workspace.module.css";
import { useWorkspace } from "./context";
import { KeyCap } from "./Panels";

const { gestures } = words.keys;

/** Keys as the actions come with them (shown as the person has them), and what they do. */
const HINTS: Readonly<Record<ReturnType<typeof sensibleKeys>, readonly (readonly [keys: readonly string[], does: string])[]>> = {
  idle: [[[gestures.click], words.status.click], [[gestures.drag], words.status.box], [["Ctrl+Enter"], words.status.finish], [["K"], words.status.skip]],
  prompts: [[["Enter"], words.status.keep], [[gestures.click], words.status.click], [[gestures.rightClick], words.status.background], [["Backspace"], words.status.takeBack]],
  candidates: [[["Enter"], words.status.keep], [["1", "2", "3"], words.status.choose], [[gestures.rightClick], words.status.background], [["Backspace"], words.status.takeBack]],
  refining: [[[gestures.click], words.status.click], [[gestures.rightClick], words.status.background], [["Enter"], words.status.keep], [["Escape"], words.status.drop]],
  review: [[["A"], words.status.accept], [["D"], words.status.reject], [["R"], words.status.refine], [["."], words.status.next]],
  audit: [[["A"], words.status.fine], [["D"], words.status.reject], [["R"], words.status.refine], [["Ctrl+Enter"], words.status.finish]],
  waiting: [[["."], words.status.next], [[gestures.click], words.status.click], [["Ctrl+Enter"], words.status.finish]],
  reviewing: [[["."], words.status.next], [["Ctrl+Enter"], words.status.acceptPhoto], [["K"], words.status.sendBack]],
  selected: [[["R"], words.status.refine], [["Delete"], words.status.remove], [["Escape"], words.status.unselect], [["Ctrl+Enter"], words.status.finish]],
};

export function StatusLine(): ReactNode {
  const masks = useWorkspace((state) => masksOf(docOf(state)).filter((mask) => mask.state === "accepted").length);
  const kept = useWorkspace((state) => state.keptInSession);
  const notice = useWorkspace((state) => state.notice);
  const keys = useWorkspace(sensibleKeys);
  const preferences = useStore(keyPreferences.store);
  return (
    <footer className={classes["status"]}>
      {keys !== "reviewing" && <Clock />}
      <span className={classes["tabular"]}>{words.status.masks(masks)}{kept > 0 && keys !== "reviewing" && words.status.session(kept)}</span>
      <Waiting />
      {notice !== null && <span className={classes["notice"]}>{withOwnKeys(notice, preferences)}</span>}
      <span style={{ flex: 1 }} />
      {HINTS[keys].map(([chords, does]) => <Hint key={does} chords={chords} does={does} />)}
      <Hint chords={["?"]} does={words.status.keys} />
    </footer>
  );
}

/** Nothing, for who has no key for it. */
function Hint({ chords, does }: { chords: readonly string[]; does: string }): ReactNode {
  const preferences = useStore(keyPreferences.store);
  if (chords.every((chord) => ownChord(chord, preferences) === null)) return null;
  return <span className={classes["hint"]}>{chords.map((chord) => <KeyCap key={chord} chord={chord} />)} {does}</span>;
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
      {clockOf(seconds)} {words.status.thisMask}
    </span>
  );
}

const clockOf = (seconds: number): string =>
  `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(Math.floor(seconds) % 60).padStart(2, "0")}`;

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
  const word = isFinishing ? words.status.finishing : isEmbedded ? words.status.asking : words.status.preparing;
  return <span className={classes["notice"]}>{word}</span>;
}
