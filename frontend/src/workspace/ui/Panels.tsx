// Small pieces that several panels share.
import type { ReactNode } from "react";
import { useStore } from "zustand";
import { type Rgb, cssColour } from "../../canvas/render/palette";
import { focusStage } from "../keyboard";
import { ariaShortcutsOf, capOf, ownChord } from "../keymap";
import { keyPreferences } from "../preferences/keys";
import panel from "../panel.module.css";
import classes from "../workspace.module.css";

/** A proposal's is open and dashed, as its outline is. */
export function Swatch({ colour, isProposal = false }: { colour: Rgb; isProposal?: boolean }): ReactNode {
  const style = isProposal ? { borderColor: cssColour(colour) } : { background: cssColour(colour) };
  return <span className={panel["swatch"]} data-proposal={isProposal} style={style} aria-hidden />;
}

/** A key as this person has it: given the chord that an action comes with, the one it has now. */
export function KeyCap({ chord }: { chord: string }): ReactNode {
  const own = useStore(keyPreferences.store, (preferences) => ownChord(chord, preferences));
  return own === null ? null : <kbd className={classes["key"]}>{capOf(own)}</kbd>;
}

/** `aria-keyshortcuts` with this person's own keys, for a control whose action comes with these chords. */
export function useShortcuts(...chords: readonly string[]): { "aria-keyshortcuts"?: string } {
  const shortcuts = useStore(keyPreferences.store, (preferences) => ariaShortcutsOf(chords, preferences));
  return shortcuts === undefined ? {} : { "aria-keyshortcuts": shortcuts };
}

/** A chord just as it is. */
export function Cap({ chord }: { chord: string }): ReactNode {
  return <kbd className={classes["key"]}>{capOf(chord)}</kbd>;
}

/** Keeps the focus on the stage when a panel's button is pressed with the pointer. A field is left first: that saves it. */
export function keepFocus(event: { preventDefault: () => void }): void {
  event.preventDefault();
  if (document.activeElement?.matches("input, textarea") === true) focusStage();
}
