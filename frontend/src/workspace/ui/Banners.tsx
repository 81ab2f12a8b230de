// What stands in the way, in words, over the photo's upper edge.
import { Button } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { useStore } from "zustand";
import { reasonWords } from "../../api/errors";
import { words } from "../../words/workspace";
import { isHintDue } from "../effort";
import { docOf } from "../state";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";

export function Banners(): ReactNode {
  const { session } = useWorkplace();
  const asked = useWorkspace((state) => state.asked.state);
  const isLeaseLost = useWorkspace((state) => state.isLeaseLost);
  const saveKind = useStore(session.outbox.state, (state) => state.kind);
  const reason = asked.kind === "waiting" && asked.reason !== "session" ? asked.reason : null;
  const isHandingOverOffline = useWorkspace((state) => state.handingOver === "offline");
  const trouble = reason ?? (saveKind === "offline" || isHandingOverOffline ? "network" : null);
  return (
    <div className={classes["banners"]}>
      <div role="status">
        {trouble !== null && (
          <div className={classes["banner"]} data-banner={trouble}>
            <span>{words.banner[trouble]}</span>
            {reason !== null && (
              <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" onClick={session.retryModel}>{words.banner.retry}</Button>
            )}
          </div>
        )}
      </div>
      {isLeaseLost && (
        <div className={classes["banner"]} role="alert" data-banner="lease">
          <span>{words.banner.leaseLost}</span>
          <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" onClick={() => void session.queue.retake()}>{words.banner.retake}</Button>
          <Button className={classes["button"] ?? ""} size="compact-xs" onClick={() => void session.queue.goOn()}>{words.banner.next}</Button>
        </div>
      )}
    </div>
  );
}

/** Over the photo for as long as it is an audit's. */
export function AuditStrip(): ReactNode {
  const isAudit = useWorkspace((state) => state.phase.kind === "working" && (state.work?.is_audit ?? false));
  if (!isAudit) return null;
  return <div className={classes["strip"]} data-banner="audit">{words.audit.banner}</div>;
}

/** Over a photo that a reviewer sent back, until it is finished anew. */
export function SentBackStrip(): ReactNode {
  const review = useWorkspace((state) => (state.phase.kind === "working" ? (state.work?.review ?? null) : null));
  if (review === null || review.sent_back_reason === null) return null;
  return <div className={classes["strip"]} role="status" data-banner="sent-back">{words.sentBack(review.by.name, review.sent_back_reason)}</div>;
}

/** Over a photo that was put aside with a reason, until it is finished. */
export function PutAsideStrip(): ReactNode {
  const reason = useWorkspace((state) => (state.phase.kind === "working" ? (state.work?.image.skip_reason ?? null) : null));
  if (reason === null) return null;
  return <div className={classes["strip"]} role="status" data-banner="put-aside">{words.putAside(reasonWords(reason) ?? reason)}</div>;
}

/** After half a minute on one mask a calm word, once. */
export function Hint(): ReactNode {
  const effort = useWorkspace((state) => state.effort);
  const isMaking = useWorkspace((state) => docOf(state).draft.prompts.length > 0);
  const seconds = useWorkspace((state) => (state.phase.kind === "working" ? (state.work?.hint_seconds ?? 0) : 0));
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(performance.now()), 500);
    return () => window.clearInterval(timer);
  }, []);
  const isDue = isHintDue(effort, Math.max(now, effort.lastAt ?? 0), seconds);
  return <div className={classes["slow"]} role="status" data-hint={isDue}>{isDue && (isMaking ? words.hint : words.hintIdle)(seconds)}</div>;
}
