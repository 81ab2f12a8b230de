// The annotator's screen: one photo, the tools around it, and nothing else.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { messageOf } from "../api/errors";
import { categoriesQuery, projectKey, projectQuery } from "../api/projects";
import { meQuery } from "../api/session";
import type { Project } from "../api/types";
import { ErrorPanel } from "../ui/ErrorPanel";
import { listenToKeys } from "./keymap";
import { serverPredictor } from "./predict/predictor";
import { createSession, type Session } from "./session";
import type { Stage } from "./stage";
import { strings } from "./strings";
import { useWorkspace, WorkplaceContext } from "./ui/context";
import { Dialogs } from "./ui/Dialogs";
import { MaskList } from "./ui/MaskList";
import { MaskPanel } from "./ui/MaskPanel";
import { ReviewPanel } from "./ui/ReviewPanel";
import { StageView } from "./ui/StageView";
import { StatusLine } from "./ui/StatusLine";
import { Toolbar } from "./ui/Toolbar";
import { TopBar } from "./ui/TopBar";
import classes from "./workspace.module.css";

export interface WorkspacePageProps {
  projectId: number;
  imageId: number | null;
}

export function WorkspacePage({ projectId, imageId }: WorkspacePageProps): ReactNode {
  const { data: me } = useQuery(meQuery);
  const { data: project } = useQuery(projectQuery(projectId));
  const userId = me?.user.id;
  const { session, failure } = useSession(projectId, userId, imageId);
  if (failure !== null) return <ErrorPanel title={strings.failed.title} message={failure} safe={strings.failed.safe} />;
  if (session === null || project === undefined) return null;
  return <Workspace session={session} project={project} />;
}

/** The session of this project and person, with the image of the address opened first. */
function useSession(projectId: number, userId: number | undefined, imageId: number | null) {
  const [session, setSession] = useState<Session | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const firstImageId = useRef(imageId);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const { data: categories } = useQuery(categoriesQuery(projectId));
  useEffect(() => {
    if (userId === undefined) return undefined;
    let isOver = false;
    let opened: Session | null = null;
    // The address names the open photo, so that a reload or a link opens the same one.
    const onImage = (image: number | null): void =>
      void navigate({ to: "/projects/$projectId/annotate", params: { projectId }, search: image === null ? {} : { image }, replace: true });
    createSession({ projectId, userId, predictor: serverPredictor, onImage }).then(
      (created) => {
        if (isOver) return created.close();
        opened = created;
        setSession(created);
        void created.queue.open(firstImageId.current);
      },
      (error: unknown) => setFailure(messageOf(error)),
    );
    return () => {
      isOver = true;
      opened?.close();
      setSession(null);
      // The project's counts and photos are no longer what its other pages remember.
      void queryClient.invalidateQueries({ queryKey: projectKey(projectId) });
    };
  }, [projectId, userId, navigate, queryClient]);
  useEffect(() => session?.setCategories(categories?.items ?? []), [session, categories]);
  return { session, failure };
}

function Workspace({ session, project }: { session: Session; project: Project }): ReactNode {
  const [stage, setStage] = useState<Stage | null>(null);
  const workplace = useMemo(() => ({ session, stage }), [session, stage]);
  useEffect(() => (stage === null ? undefined : listenToKeys({ session, stage })), [session, stage]);
  return (
    <WorkplaceContext value={workplace}>
      <Frame>
        <TopBar project={project} />
        <Toolbar />
        <StageView projectId={project.id} onStage={setStage} />
        <aside className={classes["panel"]}>
          <ReviewPanel />
          <MaskPanel />
          <MaskList />
        </aside>
        <StatusLine />
        <Dialogs />
        <Announcer />
      </Frame>
    </WorkplaceContext>
  );
}

function Frame({ children }: { children: ReactNode }): ReactNode {
  const areFolded = useWorkspace((state) => state.arePanelsFolded);
  const isCovered = useWorkspace((state) => state.phase.kind !== "working" && state.phase.kind !== "loading");
  return <div className={classes["workspace"]} data-folded={areFolded} data-covered={isCovered}>{children}</div>;
}

function Announcer(): ReactNode {
  const announcement = useWorkspace((state) => state.announcement);
  return <div className={classes["hidden"]} role="status" aria-live="polite">{announcement}</div>;
}
