// The tools, one column of icons at the left.
import { ActionIcon, Tooltip } from "@mantine/core";
import {
  IconArrowBackUp, IconArrowForwardUp, IconArrowsMaximize, IconEye, IconEyeOff, IconHandStop, IconKeyboard, IconPointer,
  IconTarget, type TablerIcon,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { redoLabel, undoLabel } from "../../canvas/history";
import type { ToolName } from "../../canvas/tools/tool";
import { strings } from "../strings";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { KeyCap, keepFocus } from "./Panels";

const TOOLS: readonly { name: ToolName; label: string; keys: string; Icon: TablerIcon }[] = [
  { name: "point", label: strings.tools.point, keys: "S", Icon: IconTarget },
  { name: "select", label: strings.tools.select, keys: "V", Icon: IconPointer },
  { name: "pan", label: strings.tools.pan, keys: "H", Icon: IconHandStop },
];

export function Toolbar(): ReactNode {
  const { session, stage } = useWorkplace();
  const tool = useWorkspace((state) => state.tool);
  const history = useWorkspace((state) => state.history);
  const areMasksHidden = useWorkspace((state) => state.areMasksHidden);
  const { editing, store } = session;
  const [undo, redo] = [undoLabel(history), redoLabel(history)];
  const hide = areMasksHidden ? strings.tools.showMasks : strings.tools.hideMasks;
  return (
    <div className={classes["toolbar"]} role="toolbar" aria-label="Tools" aria-orientation="vertical">
      {TOOLS.map(({ name, label, keys, Icon }) => (
        <Tool key={name} label={label} keys={keys} Icon={Icon} isPressed={tool === name} onUse={() => store.setState({ tool: name })} />
      ))}
      <hr />
      <Tool label={strings.tools.undo(undo)} keys="Ctrl+Z" Icon={IconArrowBackUp} isDisabled={undo === null} onUse={editing.undo} />
      <Tool label={strings.tools.redo(redo)} keys="Ctrl+Shift+Z" Icon={IconArrowForwardUp} isDisabled={redo === null} onUse={editing.redo} />
      <hr />
      <Tool
        label={hide}
        keys="M"
        Icon={areMasksHidden ? IconEyeOff : IconEye}
        isPressed={areMasksHidden}
        onUse={() => store.setState({ areMasksHidden: !areMasksHidden })}
      />
      <Tool label={strings.tools.fit} keys="0" Icon={IconArrowsMaximize} onUse={() => stage?.fit()} />
      <span style={{ flex: 1 }} />
      <Tool label={strings.tools.keys} keys="?" Icon={IconKeyboard} onUse={() => store.setState({ dialog: "keys" })} />
    </div>
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
  return (
    <Tooltip label={<>{label} <KeyCap>{keys}</KeyCap></>} position="right">
      <ActionIcon
        variant={isPressed === true ? "light" : "subtle"}
        color={isPressed === true ? "accent" : "gray"}
        size={32}
        aria-label={label}
        aria-keyshortcuts={keys.replace("Ctrl", "Control")}
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
