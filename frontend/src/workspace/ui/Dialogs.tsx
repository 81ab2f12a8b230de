// The one dialog that is open, if any. What is seldom needed comes over the network when it is asked for.
import { lazy, type ReactNode, Suspense, useEffect, useRef } from "react";
import { focusStage } from "../keyboard";
import { useWorkplace, useWorkspace } from "./context";
import { RefusedDialog } from "./RefusedDialog";
import { SendBackDialog } from "./SendBackDialog";
import { SkipDialog } from "./SkipDialog";

const KeySheet = lazy(async () => ({ default: (await import("./KeySheet")).KeySheet }));
const CommandPalette = lazy(async () => ({ default: (await import("./CommandPalette")).CommandPalette }));

export function Dialogs({ projectId }: { projectId: number }): ReactNode {
  const { session } = useWorkplace();
  const dialog = useWorkspace((state) => state.dialog);
  const close = (): void => session.store.setState({ dialog: null });
  const wasOpen = useRef(false);
  useEffect(() => {
    // Closed: the keys are the photo's again, wherever the dialog was opened from, unless what it did leads to a field.
    const isInField = document.activeElement?.matches("input, textarea") === true;
    if (dialog === null && wasOpen.current && !isInField) focusStage();
    wasOpen.current = dialog !== null;
  }, [dialog]);
  return (
    <Suspense fallback={null}>
      {dialog === "keys" && <KeySheet onClose={close} />}
      {dialog === "commands" && <CommandPalette projectId={projectId} onClose={close} />}
      {dialog === "skip" && <SkipDialog onClose={close} />}
      {dialog === "sendBack" && <SendBackDialog onClose={close} />}
      {dialog === "refused" && <RefusedDialog onClose={close} />}
    </Suspense>
  );
}
