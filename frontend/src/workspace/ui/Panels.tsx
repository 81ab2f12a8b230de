// Small pieces that several panels share.
import type { ReactNode } from "react";
import { type Rgb, cssColour } from "../../canvas/render/palette";
import classes from "../workspace.module.css";

/** A proposal's is open and dashed, as its outline is. */
export function Swatch({ colour, isProposal = false }: { colour: Rgb; isProposal?: boolean }): ReactNode {
  const style = isProposal ? { borderColor: cssColour(colour) } : { background: cssColour(colour) };
  return <span className={classes["swatch"]} data-proposal={isProposal} style={style} aria-hidden />;
}

export function KeyCap({ children }: { children: ReactNode }): ReactNode {
  return <kbd className={classes["key"]}>{children}</kbd>;
}

/** Keeps the focus on the stage when a panel's button is pressed with the pointer. */
export const keepFocus = (event: { preventDefault: () => void }): void => event.preventDefault();
