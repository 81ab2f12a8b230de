// The tools, one column of icons at the left.
import { ActionIcon, Tooltip } from "@mantine/core";
import {
  IconAdjustmentsHorizontal, IconArrowBackUp, IconArrowForwardUp, IconArrowsMaximize, IconBrush, IconEraser, IconEye, IconEyeOff,
  IconHandStop, IconKeyboard, IconLasso, IconPointer, IconSquareDashed, IconTarget, type TablerIcon,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { redoLabel, undoLabel } from "../../canvas/history";
import type { ToolName } from "../../canvas/tools/gesture";
import { words } from "../../words/workspace";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { KeyCap, keepFocus, useShortcuts } from "./Panels";
import { TouchBar } from "./TouchBar";
import { ViewPanel } from "./ViewPanel";

const TOOLS: readonly { name: ToolName; label: string; keys: string; Icon: TablerIcon }[] = [
  { name: "point", label: words.tools.point, keys: "S", Icon: IconTarget },
  { name: "box", label: words.tools.box, keys: "Shift+S", Icon: IconSquareDashed },
  { name: "brush", label: words.tools.brush, keys: "B", Icon: IconBrush },
  { name: "eraser", label: words.tools.eraser, keys: "E", Icon: IconEraser },
  { name: "lasso", label: words.tools.lasso, keys: "L", Icon: IconLasso },
  { name: "select", label: words.tools.select, keys: "V", Icon: IconPointer },
  { name: "pan", label: words.tools.pan, keys: "H", Icon: IconHandStop },
];

export function Toolbar(): ReactNode {
  const { session, stage } = useWorkplace();
  const tool = useWorkspace((state) => state.tool);
  const areMasksHidden = useWorkspace((state) => state.areMasksHidden);
  const { store } = session;
  const isViewPanelOpen = useWorkspace((state) => state.isViewPanelOpen);
  const hide = areMasksHidden ? words.tools.showMasks : words.tools.hideMasks;
  return (
    <>
      <div className={classes["toolbar"]} role="toolbar" aria-label={words.tools.heading} aria-orientation="vertical">
        {TOOLS.map(({ name, label, keys, Icon }) => (
          <Tool key={name} label={label} keys={keys} Icon={Icon} isPressed={tool === name} onUse={() => store.setState({ tool: name })} />
        ))}
        <hr />
        <HistoryTools />
        <hr />
        <Tool
          label={hide}
          keys="M"
          Icon={areMasksHidden ? IconEyeOff : IconEye}
          isPressed={areMasksHidden}
          onUse={() => store.setState({ areMasksHidden: !areMasksHidden })}
        />
        <ViewPanel>
          <Tool
            label={words.view.open}
            keys="Shift+V"
            Icon={IconAdjustmentsHorizontal}
            isPressed={isViewPanelOpen}
            onUse={() => store.setState({ isViewPanelOpen: !isViewPanelOpen })}
          />
        </ViewPanel>
        <Tool label={words.tools.fit} keys="0" Icon={IconArrowsMaximize} onUse={() => stage?.fit()} />
        <span style={{ flex: 1 }} />
        <Tool label={words.tools.keys} keys="?" Icon={IconKeyboard} onUse={() => store.setState({ dialog: "keys" })} />
      </div>
      <TouchBar />
    </>
  );
}

/** For themselves: every step changes their words, and none of the other tools'. */
function HistoryTools(): ReactNode {
  const { editing } = useWorkplace().session;
  const undo = useWorkspace((state) => undoLabel(state.history));
  const redo = useWorkspace((state) => redoLabel(state.history));
  return (
    <>
      <Tool label={words.tools.undo(undo)} keys="Ctrl+Z" Icon={IconArrowBackUp} isDisabled={undo === null} onUse={editing.undo} />
      <Tool label={words.tools.redo(redo)} keys="Ctrl+Shift+Z" Icon={IconArrowForwardUp} isDisabled={redo === null} onUse={editing.redo} />
    </>
  );
}

interface ToolProps {
  label: string;
  keys: string;
  Icon: TablerIcon;
  isPressed?: boolean;
  isDisabled?: boolean;
  onUse: () => void;
}

function Tool({ label, keys, Icon, isPressed, isDisabled = false, onUse }: ToolProps): ReactNode {
  const shortcuts = useShortcuts(keys);
  return (
    <Tooltip label={<>{label} <KeyCap chord={keys} /></>} position="right">
      <ActionIcon
        className={classes["icon"] ?? ""}
        variant={isPressed === true ? "light" : "subtle"}
        color={isPressed === true ? "accent" : "gray"}
        size={32}
        aria-label={label}
        {...shortcuts}
        {...(isPressed === undefined ? {} : { "aria-pressed": isPressed })}
        disabled={isDisabled}
        onPointerDown={keepFocus}
        onMouseDown={keepFocus}
        onClick={onUse}
      >
        <Icon size={18} stroke={1.6} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}
