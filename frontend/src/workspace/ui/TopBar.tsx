// Where one is, how the model answers, whether the work is saved, and the way on.
import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { IconChevronLeft, IconLayoutSidebarRightCollapse, IconLayoutSidebarRightExpand } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useStore } from "zustand";
import type { Project } from "../../api/types";
import { words } from "../../words/workspace";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { DecodingBadge } from "./DecodingBadge";
import { KeyCap, keepFocus } from "./Panels";
import { StageMenu } from "./StageMenu";

export function TopBar({ project }: { project: Project }): ReactNode {
  const { session, reviewing } = useWorkplace();
  const work = useWorkspace((state) => state.work);
  const isFinishing = useWorkspace((state) => state.isFinishing);
  const areFolded = useWorkspace((state) => state.arePanelsFolded);
  const { store, queue } = session;
  const fold = areFolded ? words.tools.unfold : words.tools.fold;
  return (
    <header className={classes["topbar"]}>
      <Link to="/projects/$projectId" params={{ projectId: project.id }} className={classes["back"] ?? ""}>
        <IconChevronLeft size={16} aria-hidden />
        {project.name}
      </Link>
      {reviewing === null && <StageMenu />}
      {work !== null && (
        <>
          <span className={classes["slash"]} aria-hidden>/</span>
          <h1 className={classes["fileName"]} title={work.image.file_name}>{work.image.file_name}</h1>
          {reviewing === null && <span className={classes["muted"]}>{words.left(work.remaining)}</span>}
        </>
      )}
      <span style={{ flex: 1 }} />
      {reviewing === null && <DecodingBadge />}
      <SaveWord />
      {work !== null && <><Tooltip label={<>{fold} <KeyCap chord={"\\"} /></>}>
        <ActionIcon variant="subtle" color="gray" size={28} aria-label={fold} aria-pressed={areFolded} onMouseDown={keepFocus} onClick={() => store.setState({ arePanelsFolded: !areFolded })}>
          {areFolded ? <IconLayoutSidebarRightExpand size={18} aria-hidden /> : <IconLayoutSidebarRightCollapse size={18} aria-hidden />}
        </ActionIcon>
      </Tooltip>
      {reviewing === null && <><Tooltip label={<>{words.skip} <KeyCap chord="K" /></>}>
        <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" onMouseDown={keepFocus} onClick={() => store.setState({ dialog: "skip" })}>
          {words.skip}
        </Button>
      </Tooltip>
      <Tooltip label={<>{words.finish} <KeyCap chord="Ctrl+Enter" /></>}>
        <Button className={classes["button"] ?? ""} size="compact-xs" loading={isFinishing} onMouseDown={keepFocus} onClick={({ detail }) => detail < 2 && void queue.finish()}>
          {words.finish}
        </Button>
      </Tooltip></>}</>}
    </header>
  );
}

function SaveWord(): ReactNode {
  const { session } = useWorkplace();
  const masks = useStore(session.outbox.state);
  const photo = useWorkspace((state) => state.handingOver);
  const waiting = masks.waiting + (photo === "no" ? 0 : 1);
  const kind = photo === "offline" || masks.kind === "offline" ? "offline" : waiting > 0 ? "saving" : "saved";
  const { refused } = masks;
  const word = kind === "saved" ? words.save.saved : words.save[kind](waiting);
  return (
    <>
      {refused.length > 0 && (
        <Button className={classes["button"] ?? ""} size="compact-xs" variant="light" color="red" onClick={() => session.store.setState({ dialog: "refused" })}>
          {words.save.refused(refused.length)}
        </Button>
      )}
      <span className={classes["save"]} data-save={kind}>{word}</span>
    </>
  );
}
