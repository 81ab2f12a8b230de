// The brush's size and rules while a tool that changes pixels is in hand, and what tidies the mask at hand.
import { ActionIcon, Checkbox, Tooltip } from "@mantine/core";
import {
  IconArrowsDiagonal, IconArrowsDiagonalMinimize2, IconArrowsJoin2, IconArrowsSplit2, IconBucketDroplet, IconCircleDot,
  IconCopy, IconGrain, IconLayersSubtract, type TablerIcon,
} from "@tabler/icons-react";
import { type ReactNode, useDeferredValue } from "react";
import { useStore } from "zustand";
import { words } from "../../words/workspace";
import { withOwnKeys } from "../keymap";
import { changeToolSettings } from "../keysOfTools";
import { keyPreferences } from "../preferences/keys";
import type { Session } from "../session";
import { docOf, selectedMaskOf } from "../state";
import { RADIUS_LIMITS } from "../toolSettings";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { KeyCap, keepFocus } from "./Panels";
import own from "./tools.module.css";


interface Action {
  readonly label: string;
  readonly keys: string;
  readonly Icon: TablerIcon;
  readonly run: (editing: Session["editing"]) => void;
  /** Only for kept masks, not for the one being made. */
  readonly isOfKept?: boolean;
}

const ACTIONS: readonly Action[] = [
  { label: words.operations.fillHoles, keys: "I", Icon: IconBucketDroplet, run: (editing) => editing.operate("fillHoles") },
  { label: words.operations.removeIslands, keys: "Shift+I", Icon: IconGrain, run: (editing) => editing.operate("removeIslands") },
  { label: words.operations.keepLargest, keys: "Shift+L", Icon: IconCircleDot, run: (editing) => editing.operate("keepLargest") },
  { label: words.operations.grow, keys: "T", Icon: IconArrowsDiagonal, run: (editing) => editing.operate("grow") },
  { label: words.operations.shrink, keys: "Shift+T", Icon: IconArrowsDiagonalMinimize2, run: (editing) => editing.operate("shrink") },
  { label: words.operations.subtractOthers, keys: "Shift+M", Icon: IconLayersSubtract, run: (editing) => editing.operate("subtractOthers") },
  { label: words.operations.merge, keys: "J", Icon: IconArrowsJoin2, run: (editing) => editing.merge(), isOfKept: true },
  { label: words.operations.split, keys: "Shift+J", Icon: IconArrowsSplit2, run: (editing) => editing.split(), isOfKept: true },
  { label: words.operations.duplicate, keys: "Shift+D", Icon: IconCopy, run: (editing) => editing.duplicate(), isOfKept: true },
];

export function PixelPanel(): ReactNode {
  const tool = useWorkspace((state) => state.tool);
  // Nine buttons with their tooltips, after what the click was for.
  const hasDraft = useDeferredValue(useWorkspace((state) => docOf(state).draft.prompts.length > 0));
  const hasSelected = useDeferredValue(useWorkspace((state) => selectedMaskOf(state) !== null));
  const selected = useWorkspace((state) => state.alsoSelected.length + 1);
  return (
    <>
      {(tool === "brush" || tool === "eraser") && <BrushSize />}
      {(tool === "brush" || tool === "eraser" || tool === "lasso") && <Rules />}
      {(hasDraft || hasSelected) && <Operations hasDraft={hasDraft} />}
      {!hasDraft && selected > 1 && <p className={classes["muted"]}>{words.mask.selectedToo(selected)}</p>}
    </>
  );
}

function BrushSize(): ReactNode {
  const { session } = useWorkplace();
  const { radius } = useWorkspace((state) => state.toolSettings);
  return (
    <label className={own["slider"]}>
      {words.brush.size}
      {/* By its root: small sizes need fine steps. */}
      <input
        type="range"
        min={Math.sqrt(RADIUS_LIMITS.min)}
        max={Math.sqrt(RADIUS_LIMITS.max)}
        step={0.05}
        value={Math.sqrt(radius)}
        aria-valuetext={words.brush.sizeExact(radius)}
        onChange={(event) => changeToolSettings(session, { radius: Math.round(Number(event.target.value) ** 2) })}
      />
      <span className={classes["muted"]}>{words.brush.sizeExact(radius)}</span>
    </label>
  );
}

function Rules(): ReactNode {
  const { session } = useWorkplace();
  const tool = useWorkspace((state) => state.tool);
  const { isInsideOnly, sparesOthers } = useWorkspace((state) => state.toolSettings);
  const preferences = useStore(keyPreferences.store);
  const hint = tool === "lasso" ? words.brush.lasso : words.brush.brush;
  return (
    <>
      <Checkbox size="xs" label={words.brush.spareOthers} checked={sparesOthers} onChange={(event) => changeToolSettings(session, { sparesOthers: event.currentTarget.checked })} />
      <Checkbox size="xs" label={words.brush.insideOnly} checked={isInsideOnly} onChange={(event) => changeToolSettings(session, { isInsideOnly: event.currentTarget.checked })} />
      <p className={classes["muted"]}>{withOwnKeys(hint, preferences)}</p>
    </>
  );
}

function Operations({ hasDraft }: { hasDraft: boolean }): ReactNode {
  const { session } = useWorkplace();
  return (
    <div className={own["operations"]} role="toolbar" aria-label={words.operations.heading}>
      {ACTIONS.filter(({ isOfKept }) => !hasDraft || isOfKept !== true).map(({ label, keys, Icon, run }) => (
        <Tooltip key={label} label={<>{label} <KeyCap chord={keys} /></>} position="bottom">
          <ActionIcon variant="subtle" color="gray" size={26} aria-label={label} onMouseDown={keepFocus} onClick={() => run(session.editing)}>
            <Icon size={16} stroke={1.6} aria-hidden />
          </ActionIcon>
        </Tooltip>
      ))}
    </div>
  );
}
