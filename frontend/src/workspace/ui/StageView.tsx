// The photo and what lies over it: banners, the end of the queue, failures.
import { Button } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import { Delayed } from "../../ui/Delayed";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { ButtonLink } from "../../ui/links";
import { words } from "../../words/workspace";
import { attachStage, type Stage } from "../stage";
import type { Phase } from "../state";
import classes from "../workspace.module.css";
import { AuditStrip, Banners, Hint, PutAsideStrip, SentBackStrip } from "./Banners";
import { useWorkplace, useWorkspace } from "./context";
import { SecondTab } from "./SecondTab";

interface StageViewProps {
  projectId: number;
  onStage: (stage: Stage | null) => void;
}

export function StageView({ projectId, onStage }: StageViewProps): ReactNode {
  const { session } = useWorkplace();
  const element = useRef<HTMLDivElement>(null);
  const work = useWorkspace((state) => state.work);
  const phase = useWorkspace((state) => state.phase);
  useEffect(() => {
    if (element.current === null) return undefined;
    const stage = attachStage(element.current, session);
    onStage(stage);
    return () => {
      onStage(null);
      stage.close();
    };
  }, [session, onStage]);
  return (
    <main className={classes["stageArea"]}>
      <SecondTab projectId={projectId} />
      <AuditStrip />
      <SentBackStrip />
      <PutAsideStrip />
      <div
        ref={element}
        className={classes["stage"]}
        role="application"
        aria-label={work === null ? words.loading : words.stageName(work.image.file_name)}
        tabIndex={0}
        data-stage
      />
      <Banners />
      <Hint />
      <Over phase={phase} projectId={projectId} />
    </main>
  );
}

function Over({ phase, projectId }: { phase: Phase; projectId: number }): ReactNode {
  const { session, reviewing } = useWorkplace();
  const wantedStage = useWorkspace((state) => state.wantedStage);
  const toProject = <ButtonLink to="/projects/$projectId" params={{ projectId }} variant="default">{words.empty.project}</ButtonLink>;
  switch (phase.kind) {
    case "working":
    case "reviewing":
      return null;
    case "reviewed":
      return (
        <Cover>
          <EmptyState title={words.reviewing.empty} action={toProject}>{words.reviewing.emptyText}</EmptyState>
        </Cover>
      );
    case "loading":
      return <Delayed><div className={classes["opening"]} role="status">{words.loading}</div></Delayed>;
    case "empty":
      return (
        <Cover>
          <EmptyState title={wantedStage === null ? words.empty.title : words.empty.titleOf(words.stage.names[wantedStage])} action={<>{wantedStage !== null && <><Button onClick={() => void session.queue.setStage(null)}>{words.empty.anyStage}</Button>{" "}</>}<Button variant={wantedStage === null ? "filled" : "default"} onClick={() => void session.queue.goOn()}>{words.empty.again}</Button>{" "}{toProject}</>}>
            {wantedStage === null ? words.empty.text : words.empty.textOf}
          </EmptyState>
        </Cover>
      );
    case "taken":
      return (
        <Cover>
          <EmptyState title={words.taken.title} action={<><Button onClick={() => void session.queue.goOn()}>{words.taken.next}</Button>{" "}{toProject}</>}>
            {phase.message}
          </EmptyState>
        </Cover>
      );
    case "gone":
      return (
        <Cover>
          <EmptyState title={words.gone.title} action={<ButtonLink to="/projects" variant="default">{words.gone.project}</ButtonLink>}>
            {phase.message} {words.gone.safe}
          </EmptyState>
        </Cover>
      );
    case "failed":
      return (
        <Cover>
          <div style={{ maxWidth: 520, margin: "72px auto", padding: "0 16px" }}>
            <ErrorPanel title={words.failed.title} message={phase.error.message} safe={words.failed.safe} onRetry={() => void (reviewing === null ? session.queue.goOn() : reviewing.again())} />
          </div>
        </Cover>
      );
  }
}

const Cover = ({ children }: { children: ReactNode }): ReactNode => <div className={classes["over"]}>{children}</div>;
