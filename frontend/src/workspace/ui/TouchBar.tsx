// For hands without keys: on and off, undo, keep. There once a finger or a pen has touched the photo.
import { ActionIcon } from "@mantine/core";
import { IconArrowBackUp, IconArrowForwardUp, IconCheck, IconHandMove, IconMinus, IconPlus, type TablerIcon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { redoLabel, undoLabel } from "../../canvas/history";
import { words } from "../../words/workspace";
import { changeToolSettings } from "../keysOfTools";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { keepFocus } from "./Panels";
import own from "./tools.module.css";


export function TouchBar(): ReactNode {
  const { session, stage } = useWorkplace();
  const isShown = useWorkspace((state) => state.isTouched && state.phase.kind === "working");
  const isSwapped = useWorkspace((state) => state.isSwapped);
  const history = useWorkspace((state) => state.history);
  const isGestureOpen = useWorkspace((state) => state.isGestureOpen);
  const isPenMode = useWorkspace((state) => state.toolSettings.isPenMode);
  const { editing, store } = session;
  if (!isShown) return null;
  const keep = (): void => {
    if (stage?.finish() !== true) editing.keep();
  };
  return (
    <div className={own["touchBar"]} role="toolbar" aria-label={words.touch.bar}>
      <Touch label={words.touch.on} Icon={IconPlus} isPressed={!isSwapped} onUse={() => store.setState({ isSwapped: false })} />
      <Touch label={words.touch.off} Icon={IconMinus} isPressed={isSwapped} onUse={() => store.setState({ isSwapped: true })} />
      <Touch label={words.touch.undo} Icon={IconArrowBackUp} isDisabled={undoLabel(history) === null} onUse={editing.undo} />
      <Touch label={words.touch.redo} Icon={IconArrowForwardUp} isDisabled={redoLabel(history) === null} onUse={editing.redo} />
      <Touch label={isGestureOpen ? words.touch.close : words.touch.keep} Icon={IconCheck} onUse={keep} />
      {isPenMode !== null && (
        <Touch label={words.view.pen} Icon={IconHandMove} isPressed={isPenMode} onUse={() => changeToolSettings(session, { isPenMode: !isPenMode })} />
      )}
    </div>
  );
}

interface TouchProps {
  label: string;
  Icon: TablerIcon;
  isPressed?: boolean;
  isDisabled?: boolean;
  onUse: () => void;
}

function Touch({ label, Icon, isPressed, isDisabled = false, onUse }: TouchProps): ReactNode {
  return (
    <ActionIcon
      className={classes["icon"] ?? ""}
      variant={isPressed === true ? "light" : "subtle"}
      color={isPressed === true ? "accent" : "gray"}
      size={44}
      aria-label={label}
      {...(isPressed === undefined ? {} : { "aria-pressed": isPressed })}
      disabled={isDisabled}
      onMouseDown={keepFocus}
      onClick={onUse}
    >
      <Icon size={22} stroke={1.8} aria-hidden />
    </ActionIcon>
  );
}
