// The proposals of the image, or its automatic masks in an audit: how many are left, and what to do with the one shown.
import { Button } from "@mantine/core";
import { type ReactNode, useMemo } from "react";
import { words } from "../../words/workspace";
import { scoreWord } from "../predict/predictor";
import { reviewOf } from "../review";
import { docOf } from "../state";
import panel from "../panel.module.css";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { KeyCap, keepFocus, useShortcuts } from "./Panels";

export function ReviewPanel(): ReactNode {
  const doc = useWorkspace(docOf);
  const minIou = useWorkspace((state) => state.minIou);
  const proposed = useWorkspace((state) => state.proposed);
  const isAudit = useWorkspace((state) => state.work?.is_audit ?? false);
  const review = useMemo(() => reviewOf(doc, { minIou, isAudit, proposed }), [doc, minIou, isAudit, proposed]);
  const { ids, total, left, hidden } = review;
  if (total === 0 && !isAudit) return null;
  return (
    <section className={panel["section"]} aria-label={total > 0 ? words.review.heading : words.audit.heading}>
      <h2 className={panel["heading"]}>
        {total > 0 ? words.review.counts(total, left) : words.audit.heading}
        {total === 0 && <span className={classes["muted"]}>{words.audit.counts(ids.length)}</span>}
      </h2>
      {total > 0 && (
        <div className={panel["meter"]} aria-hidden>
          <div style={{ width: `${(100 * (total - left)) / total}%` }} />
        </div>
      )}
      {ids.length > 0 && <Looked />}
      {total === 0 && ids.length === 0 && <p className={classes["muted"]}>{words.audit.none}</p>}
      {left === 0 && total > 0 && <p className={classes["muted"]}>{words.review.done}</p>}
      {left > 0 && <Filter hidden={hidden} />}
      <AllAtOnce shown={left - hidden} hidden={hidden} />
    </section>
  );
}

/** The mask that is looked at, and the decisions. */
function Looked(): ReactNode {
  const { session } = useWorkplace();
  const hasDraft = useWorkspace((state) => docOf(state).draft.prompts.length > 0);
  const mask = useWorkspace((state) => docOf(state).masks[state.selectedId ?? docOf(state).draft.base ?? ""]);
  const { accept, reject, refine } = session.editing;
  const iou = mask?.evidence.proposal?.predicted_iou;
  const isOff = mask === undefined || hasDraft;
  return (
    <>
      <p className={classes["muted"]}>
        {mask === undefined ? words.review.none : words.review.selected(mask.number)}
        {iou !== undefined && <span title={words.scoreExact(iou)}>{words.review.scored(words.score[scoreWord(iou)], iou)}</span>}
      </p>
      <div className={panel["row"]}>
        <Button className={classes["button"] ?? ""} size="compact-xs" disabled={isOff} onMouseDown={keepFocus} onClick={accept}>{mask?.state === "accepted" ? words.review.fine : words.review.accept}&nbsp;<KeyCap chord="A" /></Button>
        <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" disabled={isOff} onMouseDown={keepFocus} onClick={reject}>{words.review.reject}&nbsp;<KeyCap chord="D" /></Button>
        <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" disabled={isOff} onMouseDown={keepFocus} onClick={refine}>{words.review.refine}&nbsp;<KeyCap chord="R" /></Button>
      </div>
    </>
  );
}

function Filter({ hidden }: { hidden: number }): ReactNode {
  const { session } = useWorkplace();
  const minIou = useWorkspace((state) => state.minIou);
  const shortcuts = useShortcuts("[", "]");
  return (
    <label className={panel["filter"]}>
      <span>{words.review.filter}</span>
      <input
        type="range"
        min={0}
        max={1}
        step={0.01}
        value={minIou}
        {...shortcuts}
        onChange={(event) => session.editing.filterAt(event.target.valueAsNumber)}
        onPointerUp={(event) => event.currentTarget.blur()}
      />
      <output>{minIou.toFixed(2)}</output>
      {hidden > 0 && <span className={panel["filterNote"]}>{words.review.hidden(hidden)}</span>}
    </label>
  );
}

/** Accepting is for what is seen; rejecting also clears away what the filter leaves out, and says how much. */
function AllAtOnce({ shown, hidden }: { shown: number; hidden: number }): ReactNode {
  const { session } = useWorkplace();
  const hasDraft = useWorkspace((state) => docOf(state).draft.prompts.length > 0);
  const { acceptAll, rejectAll } = session.editing;
  if (shown < 2 && hidden === 0) return null;
  return (
    <div className={panel["row"]}>
      {shown > 1 && (
        <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" disabled={hasDraft} title={words.review.acceptAllText} onMouseDown={keepFocus} onClick={acceptAll}>{words.review.acceptAll(shown)}&nbsp;<KeyCap chord="Shift+A" /></Button>
      )}
      <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" disabled={hasDraft} title={words.review.rejectAllText} onMouseDown={keepFocus} onClick={rejectAll}>{words.review.rejectAll(shown + hidden)}&nbsp;<KeyCap chord="Shift+X" /></Button>
    </div>
  );
}
