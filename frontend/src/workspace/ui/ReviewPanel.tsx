// The proposals of the image, or its automatic masks in an audit: how many are left, and what to do with the one shown.
import { Button } from "@mantine/core";
import { type ReactNode, useMemo } from "react";
import { scoreWord } from "../predict/predictor";
import { reviewOf } from "../review";
import { docOf } from "../state";
import { strings } from "../strings";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { KeyCap, keepFocus } from "./Panels";

export function ReviewPanel(): ReactNode {
  const doc = useWorkspace(docOf);
  const minIou = useWorkspace((state) => state.minIou);
  const proposed = useWorkspace((state) => state.proposed);
  const isAudit = useWorkspace((state) => state.work?.is_audit ?? false);
  const review = useMemo(() => reviewOf(doc, { minIou, isAudit, proposed }), [doc, minIou, isAudit, proposed]);
  const { ids, total, left, hidden } = review;
  if (total === 0 && !isAudit) return null;
  const words = strings.review;
  return (
    <section className={classes["section"]} aria-label={total > 0 ? words.heading : strings.audit.heading}>
      <h2 className={classes["heading"]}>
        {total > 0 ? words.counts(total, left) : strings.audit.heading}
        {total === 0 && <span className={classes["muted"]}>{strings.audit.counts(ids.length)}</span>}
      </h2>
      {total > 0 && (
        <div className={classes["meter"]} aria-hidden>
          <div style={{ width: `${(100 * (total - left)) / total}%` }} />
        </div>
      )}
      {ids.length > 0 && <Looked />}
      {left === 0 && total > 0 && <p className={classes["muted"]}>{words.done}</p>}
      {left > 0 && <Filter hidden={hidden} />}
      {ids.length > 1 && left - hidden > 1 && <AcceptAll shown={left - hidden} />}
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
  const words = strings.review;
  return (
    <>
      <p className={classes["muted"]}>
        {mask === undefined ? words.none : words.selected(mask.number)}
        {iou !== undefined && <span title={strings.scoreExact(iou)}>, {strings.score[scoreWord(iou)].toLowerCase()} {iou.toFixed(2)}</span>}
      </p>
      <div className={classes["row"]}>
        <Button className={classes["button"] ?? ""} size="compact-xs" disabled={isOff} onMouseDown={keepFocus} onClick={accept}>{mask?.state === "accepted" ? words.fine : words.accept}&nbsp;<KeyCap>A</KeyCap></Button>
        <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" disabled={isOff} onMouseDown={keepFocus} onClick={reject}>{words.reject}&nbsp;<KeyCap>D</KeyCap></Button>
        <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" disabled={isOff} onMouseDown={keepFocus} onClick={refine}>{words.refine}&nbsp;<KeyCap>R</KeyCap></Button>
      </div>
    </>
  );
}

function Filter({ hidden }: { hidden: number }): ReactNode {
  const { session } = useWorkplace();
  const minIou = useWorkspace((state) => state.minIou);
  return (
    <label className={classes["filter"]}>
      <span>{strings.review.filter}</span>
      <input
        type="range"
        min={0}
        max={1}
        step={0.01}
        value={minIou}
        aria-keyshortcuts="[ ]"
        onChange={(event) => session.editing.filterAt(event.target.valueAsNumber)}
        onPointerUp={(event) => event.currentTarget.blur()}
      />
      <output>{strings.review.filterExact(minIou)}</output>
      {hidden > 0 && <span className={classes["filterNote"]}>{strings.review.hidden(hidden)}</span>}
    </label>
  );
}

function AcceptAll({ shown }: { shown: number }): ReactNode {
  const { session } = useWorkplace();
  const hasDraft = useWorkspace((state) => docOf(state).draft.prompts.length > 0);
  return (
    <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" disabled={hasDraft} onMouseDown={keepFocus} onClick={session.editing.acceptAll}>
      {strings.review.acceptAll(shown)}&nbsp;<KeyCap>Shift+A</KeyCap>
    </Button>
  );
}
