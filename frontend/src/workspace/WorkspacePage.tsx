// The annotator's screen: one photo, the tools around it, and nothing else.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useStore } from "zustand";
import { messageOf } from "../api/errors";
import { categoriesQuery, projectKey, projectQuery } from "../api/projects";
import { meQuery } from "../api/session";
import type { Project } from "../api/types";
import { ErrorPanel } from "../ui/ErrorPanel";
import { words } from "../words/workspace";
import { listenToKeys } from "./keyboard";
import { withOwnKeys } from "./keymap";
import { keyPreferences } from "./preferences/keys";
import { pagePreferences } from "./preferences/page";
import { createReviewing, type Reviewing } from "./reviewing";
import { createSession, type Session } from "./session";
import type { Stage } from "./stage";
import { isShown } from "./state";
import { useWorkspace, WorkplaceContext } from "./ui/context";
import { Dialogs } from "./ui/Dialogs";
import { SaidPanel } from "./ui/FlagRow";
import { GuidelinePanel } from "./ui/GuidelinePanel";
import { MaskList } from "./ui/MaskList";
import { MaskPanel } from "./ui/MaskPanel";
import { ReviewDesk } from "./ui/ReviewDesk";
import { ReviewPanel } from "./ui/ReviewPanel";
import { StageView } from "./ui/StageView";
import { StatusLine } from "./ui/StatusLine";
import { countKept } from "./tally";
import { Toolbar } from "./ui/Toolbar";
import { Tour } from "./ui/Tour";
import { TopBar } from "./ui/TopBar";
import classes from "./workspace.module.css";

export interface WorkspacePageProps {
  projectId: number;
  imageId: number | null;
  /** Finished photos are looked at, not annotated. */
  isReview: boolean;
}

export function WorkspacePage({ projectId, imageId, isReview }: WorkspacePageProps): ReactNode {
  const { data: me } = useQuery(meQuery);
  const { data: project } = useQuery(projectQuery(projectId));
  const userId = me?.user.id;
  const { session, reviewing, failure } = useSession(projectId, userId, { imageId, isReview });
  if (failure !== null) return <ErrorPanel title={words.failed.title} message={failure} safe={words.failed.safe} />;
  if (session === null || project === undefined) return null;
  return <Workspace session={session} reviewing={reviewing} project={project} />;
}

interface First {
  readonly imageId: number | null;
  readonly isReview: boolean;
}

interface Parts {
  readonly session: Session | null;
  readonly reviewing: Reviewing | null;
}

const NO_PARTS: Parts = { session: null, reviewing: null };

/** The session of this project and person, with the image of the address opened first. */
function useSession(projectId: number, userId: number | undefined, { imageId, isReview }: First) {
  const [{ session, reviewing }, setParts] = useState(NO_PARTS);
  const [failure, setFailure] = useState<string | null>(null);
  const firstImageId = useRef(imageId);
  const router = useRouter();
  const queryClient = useQueryClient();
  const { data: categories } = useQuery(categoriesQuery(projectId));
  useEffect(() => {
    if (userId === undefined) return undefined;
    keyPreferences.open(userId);
    pagePreferences.open(userId);
    let isOver = false;
    let opened: Session | null = null;
    let reviewer: Reviewing | null = null;
    let stopCounting: (() => void) | null = null;
    // The address names the open photo, so that a reload or a link opens the same one. Who has followed a link is not
    // held back: this page stays until the next one is fetched, and an answer may come in that time.
    const here = router.latestLocation.pathname;
    const onImage = (image: number | null): void => {
      if (router.latestLocation.pathname !== here) return;
      const search = { ...(image === null ? {} : { image }), ...(isReview ? { review: true as const } : {}) };
      void router.navigate({ to: "/projects/$projectId/annotate", params: { projectId }, search, replace: true });
    };
    createSession({ projectId, userId, onImage }).then(
      (created) => {
        if (isOver) return created.close();
        opened = created;
        reviewer = isReview ? createReviewing(created.store, { projectId, onImage }) : null;
        stopCounting = countKept(created.store);
        setParts({ session: created, reviewing: reviewer });
        void (reviewer ?? created.queue).open(firstImageId.current);
      },
      (error: unknown) => setFailure(messageOf(error)),
    );
    return () => {
      isOver = true;
      stopCounting?.();
      reviewer?.close();
      opened?.close();
      setParts(NO_PARTS);
      // The project's counts and photos are no longer what its other pages remember.
      void queryClient.invalidateQueries({ queryKey: projectKey(projectId) });
    };
  }, [projectId, userId, isReview, router, queryClient]);
  useEffect(() => session?.setCategories(categories?.items ?? []), [session, categories]);
  return { session, reviewing, failure };
}

function Workspace({ session, reviewing, project }: { session: Session; reviewing: Reviewing | null; project: Project }): ReactNode {
  const [stage, setStage] = useState<Stage | null>(null);
  const workplace = useMemo(() => ({ session, stage, reviewing }), [session, stage, reviewing]);
  useEffect(() => (stage === null ? undefined : listenToKeys({ session, stage, reviewing })), [session, stage, reviewing]);
  return (
    <WorkplaceContext value={workplace}>
      <Frame isReview={reviewing !== null}>
        <TopBar project={project} />
        {reviewing === null && <Toolbar />}
        <StageView projectId={project.id} onStage={setStage} />
        <aside className={classes["panel"]}>
          <GuidelinePanel text={project.guidelines} />
          {reviewing === null ? (
            <>
              <Tour />
              <ReviewPanel />
              <MaskPanel />
              <SaidPanel />
              <MaskList />
            </>
          ) : (
            <ReviewDesk reviewing={reviewing} projectId={project.id} />
          )}
        </aside>
        <StatusLine />
        <Dialogs projectId={project.id} />
        <Announcer />
      </Frame>
    </WorkplaceContext>
  );
}

function Frame({ isReview, children }: { isReview: boolean; children: ReactNode }): ReactNode {
  const areFolded = useWorkspace((state) => state.arePanelsFolded);
  const isCovered = useWorkspace((state) => !isShown(state.phase) && state.phase.kind !== "loading");
  return <div className={classes["workspace"]} data-folded={areFolded} data-review={isReview} data-covered={isCovered}>{children}</div>;
}

function Announcer(): ReactNode {
  const announcement = useWorkspace((state) => state.announcement);
  const preferences = useStore(keyPreferences.store);
  return <div className={classes["hidden"]} role="status" aria-live="polite">{withOwnKeys(announcement, preferences)}</div>;
}
