// What stands in the way, in words, over the photo's upper edge.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { useStore } from "zustand";
import { strings } from "../strings";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";

export function Banners(): ReactNode {
  const { session } = useWorkplace();
  const asked = useWorkspace((state) => state.asked.state);
  const isLeaseLost = useWorkspace((state) => state.isLeaseLost);
  const saveKind = useStore(session.outbox.state, (state) => state.kind);
  const reason = asked.kind === "waiting" && asked.reason !== "session" ? asked.reason : null;
  const trouble = reason ?? (saveKind === "offline" ? "network" : null);
  return (
    <div className={classes["banners"]}>
      <div role="status">
        {trouble !== null && (
          <div className={classes["banner"]} data-banner={trouble}>
            <span>{strings.banner[trouble]}</span>
            {reason !== null && (
              <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" onClick={session.retryModel}>{strings.banner.retry}</Button>
            )}
          </div>
        )}
      </div>
      {isLeaseLost && (
        <div className={classes["banner"]} role="alert" data-banner="lease">
          <span>{strings.banner.leaseLost}</span>
          <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" onClick={() => void session.queue.retake()}>{strings.banner.retake}</Button>
          <Button className={classes["button"] ?? ""} size="compact-xs" onClick={() => void session.queue.goOn()}>{strings.banner.next}</Button>
        </div>
      )}
    </div>
  );
}
