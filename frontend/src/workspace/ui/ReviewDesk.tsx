// A finished photo under review: its masks with what is said of them, and the decision.
import { Button, Switch } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useStore } from "zustand";
import type { Mask } from "../../canvas/document";
import { words } from "../../words/workspace";
import { serverMaskId } from "../masks";
import type { Reviewing } from "../reviewing";
import type { Annotation } from "../server";
import { colourOf, docOf } from "../state";
import panel from "../panel.module.css";
import workspace from "../workspace.module.css";
import { ChangesPanel } from "./ChangesPanel";
import { useWorkplace, useWorkspace } from "./context";
import { SaidMarks } from "./FlagRow";
import classes from "./help.module.css";
import { KeyCap, keepFocus, Swatch } from "./Panels";


export function ReviewDesk({ reviewing, projectId }: { reviewing: Reviewing; projectId: number }): ReactNode {
  const { annotations } = useStore(reviewing.facts);
  const masks = useWorkspace((state) => docOf(state).masks);
  const phase = useWorkspace((state) => state.phase.kind);
  if (phase !== "reviewing") return null;
  return (
    <>
      <Decision reviewing={reviewing} projectId={projectId} />
      <ChangesPanel />
      <section className={panel["listSection"]} aria-label={words.list.heading}>
        <h2 className={panel["heading"]}>{words.list.heading} <span className={workspace["muted"]}>{annotations.length}</span></h2>
        {annotations.length === 0 && <p className={workspace["muted"]}>{words.reviewing.noMasks}</p>}
        <ul className={panel["list"]}>
          {annotations.map((annotation) => {
            const mask = masks[serverMaskId(annotation.id)];
            return mask !== undefined && <Row key={annotation.id} mask={mask} annotation={annotation} />;
          })}
        </ul>
      </section>
    </>
  );
}

function Decision({ reviewing, projectId }: { reviewing: Reviewing; projectId: number }): ReactNode {
  const { session } = useWorkplace();
  const navigate = useNavigate();
  const { isDifferenceShown, isDeciding } = useStore(reviewing.facts);
  const work = useWorkspace((state) => state.work);
  if (work === null) return null;
  const { finished_by, review } = work;
  return (
    <section className={panel["section"]} aria-label={words.reviewing.heading}>
      <h2 className={panel["heading"]}>{words.reviewing.heading} <span className={workspace["muted"]}>{words.reviewing.left(work.remaining)}</span></h2>
      {finished_by !== null && <p className={workspace["muted"]}>{words.reviewing.by(finished_by.name)}</p>}
      {review !== null && <p className={workspace["muted"]}>{words.reviewing.accepted(review.by.name)}</p>}
      <div className={classes["decision"]}>
        <Button className={workspace["button"] ?? ""} size="compact-xs" loading={isDeciding} onMouseDown={keepFocus} onClick={() => void reviewing.accept()}>{words.reviewing.accept}&nbsp;<KeyCap chord="Ctrl+Enter" /></Button>
        <Button className={workspace["button"] ?? ""} size="compact-xs" variant="default" onMouseDown={keepFocus} onClick={() => session.store.setState({ dialog: "sendBack" })}>{words.reviewing.sendBack}&nbsp;<KeyCap chord="K" /></Button>
        <Button className={workspace["button"] ?? ""} size="compact-xs" variant="subtle" color="gray" onMouseDown={keepFocus} onClick={() => void reviewing.pass()}>{words.reviewing.pass}</Button>
      </div>
      <Switch
        size="xs"
        checked={isDifferenceShown}
        label={<>{words.reviewing.difference} <KeyCap chord="Shift+C" /></>}
        onChange={reviewing.toggleDifference}
      />
      <Button
        className={workspace["button"] ?? ""}
        size="compact-xs"
        variant="default"
        style={{ alignSelf: "start" }}
        onClick={() => void navigate({ to: "/projects/$projectId/annotate", params: { projectId }, search: { image: work.image.id } })}
      >
        {words.reviewing.edit}
      </Button>
    </section>
  );
}

function Row({ mask, annotation }: { mask: Mask; annotation: Annotation }): ReactNode {
  const { session } = useWorkplace();
  const categories = useWorkspace((state) => state.categories);
  const isSelected = useWorkspace((state) => state.selectedId === mask.id);
  const name = categories.find(({ id }) => id === mask.categoryId)?.name ?? words.list.name(mask.number);
  const { proposal_iou, active_seconds } = annotation;
  return (
    <li className={classes["reviewedItem"]} data-selected={isSelected}>
      <button type="button" className={classes["reviewed"]} aria-pressed={isSelected} onMouseDown={keepFocus} onClick={() => session.editing.select(isSelected ? null : mask.id)}>
        <span className={classes["reviewedName"]}>
          <Swatch colour={colourOf(mask, categories)} />
          <span>{name}</span>
          <SaidMarks mask={mask} />
          <span className={panel["seconds"]}>{active_seconds > 0 && words.list.seconds(active_seconds)}</span>
        </span>
        {proposal_iou !== null && <span className={workspace["muted"]}>{words.reviewing.agreement(proposal_iou)}</span>}
        {annotation.comment !== "" && <span className={classes["said"]}>{annotation.comment}</span>}
      </button>
    </li>
  );
}
