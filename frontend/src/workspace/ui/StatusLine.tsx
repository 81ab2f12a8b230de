// The bottom line: the time of this mask, how many there are, and the keys that matter now.
import { type ReactNode, useEffect, useState } from "react";
import { useStore } from "zustand";
import { useShallow } from "zustand/react/shallow";
import { masksOf } from "../../canvas/document";
import type { ToolName } from "../../canvas/tools/gesture";
import { words } from "../../words/workspace";
import { activeMsAt } from "../effort";
import { ownChord, sensibleKeys, withOwnKeys } from "../keymap";
import { keyPreferences } from "../preferences/keys";
import { docOf, type WorkspaceState } from "../state";
import classes from "../workspace.module.css";
import { useWorkspace } from "./context";
import { KeyCap } from "./Panels";

const { gestures } = words.keys;
const { status } = words;

/** Keys as the actions come with them (shown as the person has them), and what they do. */
type HintOf = readonly [keys: readonly string[], does: string];

const FINISH: HintOf = [["Ctrl+Enter"], status.finish];
const KEEP: HintOf = [["Enter"], status.keep];
const BACK: HintOf = [["Backspace"], status.takeBack];
const ON: HintOf = [[gestures.click], status.click];
const OFF: HintOf = [[gestures.rightClick], status.background];
const SWAP_BACK: HintOf = [["N"], status.swapped];
const SWAPPED: ReadonlyMap<HintOf, HintOf> = new Map([[ON, [[gestures.click], status.background]], [OFF, [[gestures.rightClick], status.click]]]);

const HINTS: Readonly<Record<ReturnType<typeof sensibleKeys>, readonly HintOf[]>> = {
  idle: [ON, [[gestures.drag], status.box], FINISH, [["K"], status.skip]],
  prompts: [KEEP, ON, OFF, BACK],
  candidates: [KEEP, [["1", "2", "3"], status.choose], OFF, BACK],
  refining: [ON, OFF, KEEP, [["Escape"], status.drop]],
  review: [[["A"], status.accept], [["D"], status.reject], [["R"], status.refine], [["."], status.next]],
  audit: [[["A"], status.fine], [["D"], status.reject], [["R"], status.refine], FINISH],
  waiting: [[["."], status.next], ON, FINISH],
  reviewing: [[["."], status.next], [["Ctrl+Enter"], status.acceptPhoto], [["K"], status.sendBack]],
  selected: [[["R"], status.refine], [["Delete"], status.remove], [["Escape"], status.unselect], FINISH],
  several: [[["J"], status.merge], [["Delete"], status.removeAll], [["Escape"], status.unselect]],
  selecting: [[[gestures.click], status.pick], [[gestures.shiftClick], status.pickMore], FINISH],
  moving: [[[gestures.wheel], words.keys.gesturesDo.zoom], FINISH],
};

/** While pixels are changed by hand, whatever else could be done. */
const BY_HAND: Partial<Readonly<Record<ToolName, readonly HintOf[]>>> = {
  brush: [[[gestures.drag], status.paint], [[gestures.altDrag], status.takeAway], [["[", "]"], status.size]],
  eraser: [[[gestures.drag], status.takeAway], [[gestures.altDrag], status.add], [["[", "]"], status.size]],
  lasso: [[[gestures.drag], status.around], [[gestures.altDrag], status.takeAway], [["Enter"], status.closeLine]],
};

function hintsOf(state: WorkspaceState): readonly HintOf[] {
  const kind = sensibleKeys(state);
  const byHand = ["review", "audit", "waiting", "several", "reviewing"].includes(kind) ? undefined : BY_HAND[state.tool];
  if (byHand !== undefined) return [...byHand, docOf(state).draft.prompts.length > 0 ? KEEP : FINISH];
  if (!state.isSwapped) return HINTS[kind];
  return [SWAP_BACK, ...HINTS[kind].map((hint) => SWAPPED.get(hint) ?? hint)];
}

export function StatusLine(): ReactNode {
  const masks = useWorkspace((state) => masksOf(docOf(state)).filter((mask) => mask.state === "accepted").length);
  const kept = useWorkspace((state) => state.keptInSession);
  const notice = useWorkspace((state) => state.notice);
  const isReviewing = useWorkspace((state) => state.phase.kind === "reviewing");
  const preferences = useStore(keyPreferences.store);
  return (
    <footer className={classes["status"]}>
      {!isReviewing && <Clock />}
      <span className={classes["tabular"]}>{words.status.masks(masks)}{kept > 0 && !isReviewing && words.status.session(kept)}</span>
      <Waiting />
      {notice !== null && <span className={classes["notice"]}>{withOwnKeys(notice, preferences)}</span>}
      <span style={{ flex: 1 }} />
      {notice === null && <Hints />}
      <Hint chords={["?"]} does={words.status.keys} />
    </footer>
  );
}

/** They make room for what has to be said. */
function Hints(): ReactNode {
  const hints = useWorkspace(useShallow(hintsOf));
  return hints.map(([chords, does]) => <Hint key={does} chords={chords} does={does} />);
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

const DUE_AFTER_MS = 150;
const SLOW_AFTER_MS = 5000;

/** What is being waited for, in words, once the ring at the cursor shows too. */
function Waiting(): ReactNode {
  const isAsking = useWorkspace((state) => state.asked.state.kind === "asking");
  const isEmbedded = useWorkspace((state) => state.isEmbedded);
  const isFinishing = useWorkspace((state) => state.isFinishing);
  const [due, setDue] = useState<"not" | "due" | "slow">("not");
  const isWaiting = isAsking || isFinishing;
  useEffect(() => {
    if (!isWaiting) return undefined;
    const timers = [window.setTimeout(() => setDue("due"), DUE_AFTER_MS), window.setTimeout(() => setDue("slow"), SLOW_AFTER_MS)];
    return () => {
      timers.forEach((timer) => window.clearTimeout(timer));
      setDue("not");
    };
  }, [isWaiting]);
  if (!isWaiting || due === "not") return null;
  const word = isFinishing ? words.status.finishing : due === "slow" ? words.status.slow : isEmbedded ? words.status.asking : words.status.preparing;
  return <span className={classes["notice"]}>{word}</span>;
}
