// Small pieces that several panels share.
import type { ReactNode } from "react";
import { type Rgb, cssColour } from "../../canvas/render/palette";
import classes from "../workspace.module.css";

export function Swatch({ colour }: { colour: Rgb }): ReactNode {
  return <span className={classes["swatch"]} style={{ background: cssColour(colour) }} aria-hidden />;
}

export function KeyCap({ children }: { children: ReactNode }): ReactNode {
  return <kbd className={classes["key"]}>{children}</kbd>;
}

/** Keeps the focus on the stage when a panel's button is pressed with the pointer. */
export const keepFocus = (event: { preventDefault: () => void }): void => event.preventDefault();
