// The images of a project: add them, find them, open them.
import "./images.css";
import { Button, Group, Menu } from "@mantine/core";
import { IconFolder, IconPhoto } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type ReactNode, useCallback, useMemo, useRef } from "react";
import { useStore } from "zustand";
import { notifications } from "@mantine/notifications";
import { messageOf } from "../../api/errors";
import { imagesQuery } from "../../api/images";
import { projectQuery } from "../../api/projects";
import { canAnnotate, canManage } from "../../api/roles";
import type { ImageState, Project } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { count } from "../../ui/format";
import { ButtonLink } from "../../ui/links";
import { words } from "../../words/images";
import { filesOfDialog, filesOfDrop, type Collected } from "./collect";
import { DropVeil } from "./DropVeil";
import { Grid } from "./Grid";
import { GridSkeleton } from "./GridSkeleton";
import { FILTERS } from "./imageStates";
import { isSending, startUpload, uploads } from "./uploads";

const route = getRouteApi("/signed-in/shell/projects/$projectId/");
const ACCEPTED = ".jpg,.jpeg,.png,.webp,.tif,.tiff,.zip";

export function ImagesPage(): ReactNode {
  const { projectId } = route.useParams();
  const { state } = route.useSearch();
  const { data: project } = useQuery(projectQuery(projectId));
  const pages = useInfiniteQuery(imagesQuery(projectId, state ?? null));
  const images = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = pages;
  const needMore = useCallback(() => {
    // After a refusal only when a person asks: else it would be asked without end.
    if (hasNextPage && !isFetching && !isFetchNextPageError) void fetchNextPage();
  }, [hasNextPage, isFetching, isFetchNextPageError, fetchNextPage]);
  const send = useCallback((collected: Collected) => void addFiles(projectId, collected), [projectId]);
  const drop = useCallback((items: DataTransferItemList) => void filesOfDrop(items).then(send, sayNotTaken), [send]);
  if (project === undefined) return null;

  const mayAdd = canManage(project);
  const total = pages.data?.pages.at(-1)?.total ?? 0;
  return (
    <>
      {mayAdd && <DropVeil onDrop={drop} />}
      {(project.image_count > 0 || state !== undefined) && (
        <div className="images-bar">
          <Filters projectId={projectId} chosen={state} total={pages.data === undefined ? null : total} />
          <span style={{ flex: 1 }} />
          {mayAdd && <AddButton projectId={projectId} onFiles={send} variant="default" />}
        </div>
      )}
      {pages.isPending && <GridSkeleton />}
      {pages.error !== null && (
        <div className="page">
          <ErrorPanel title={words.notRead} message={messageOf(pages.error)} onRetry={() => void pages.refetch()} />
        </div>
      )}
      {pages.data !== undefined && total > 0 && (
        <Grid images={images} total={total} opensWorkspace={canAnnotate(project)} onNeedMore={needMore} />
      )}
      {pages.data !== undefined && total === 0 && <NoImages project={project} state={state} onFiles={send} />}
    </>
  );
}

const sayNotTaken = (error: unknown): void => void notifications.show({ color: "red", message: messageOf(error) });

async function addFiles(projectId: number, collected: Collected): Promise<void> {
  if (isSending(projectId)) return sayNotTaken(new Error(words.busy));
  if (collected.files.length > 0 || collected.leftOut > 0) await startUpload(projectId, collected);
}

interface FiltersProps {
  projectId: number;
  chosen: ImageState | undefined;
  /** How many the chosen filter shows; null = not known yet. */
  total: number | null;
}

function Filters({ projectId, chosen, total }: FiltersProps): ReactNode {
  return (
    <nav aria-label={words.filter} style={{ display: "flex", gap: 4, flexWrap: "wrap" }} className="tabular">
      {[undefined, ...FILTERS].map((state) => (
        <Link
          key={state ?? "all"}
          to="/projects/$projectId"
          params={{ projectId }}
          search={state === undefined ? {} : { state }}
          className="images-filter"
          aria-current={state === chosen}
          resetScroll={false}
        >
          {state === undefined ? words.all : words.states[state]}
          {state === chosen && total !== null ? ` ${count(total)}` : ""}
        </Link>
      ))}
    </nav>
  );
}

interface AddButtonProps {
  projectId: number;
  onFiles: (collected: Collected) => void;
  variant: "default" | "filled";
}

function AddButton({ projectId, onFiles, variant }: AddButtonProps): ReactNode {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const isBusy = useStore(uploads, () => isSending(projectId));
  const take = (input: HTMLInputElement): void => {
    if (input.files !== null) onFiles(filesOfDialog(input.files));
    input.value = "";
  };
  const shared = { type: "file", multiple: true, hidden: true, tabIndex: -1 } as const;
  return (
    <>
      <input ref={files} {...shared} accept={ACCEPTED} data-testid="add-files" onChange={(event) => take(event.currentTarget)} />
      <input
        {...shared}
        ref={(element) => {
          folder.current = element;
          // Not known to React's types, though every browser has it.
          element?.setAttribute("webkitdirectory", "");
        }}
        data-testid="add-folder"
        onChange={(event) => take(event.currentTarget)}
      />
      <Menu position="bottom-end" shadow="md">
        <Menu.Target>
          <Button variant={variant} disabled={isBusy}>
            {words.add}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPhoto size={16} aria-hidden />} onClick={() => files.current?.click()}>
            {words.addFiles}
          </Menu.Item>
          <Menu.Item leftSection={<IconFolder size={16} aria-hidden />} onClick={() => folder.current?.click()}>
            {words.addFolder}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

interface NoImagesProps {
  project: Project;
  state: ImageState | undefined;
  onFiles: (collected: Collected) => void;
}

function NoImages({ project, state, onFiles }: NoImagesProps): ReactNode {
  if (state !== undefined) {
    return (
      <EmptyState
        title={words.noneInState(state)}
        action={
          <ButtonLink to="/projects/$projectId" params={{ projectId: project.id }} search={{}} variant="default">
            {words.showAll}
          </ButtonLink>
        }
      >
        {words.inAll(project.image_count)}
      </EmptyState>
    );
  }
  if (!canManage(project)) {
    return <EmptyState title={words.none}>{words.noneText}</EmptyState>;
  }
  return (
    <EmptyState
      title={words.none}
      action={
        <Group justify="center">
          <AddButton projectId={project.id} onFiles={onFiles} variant="filled" />
        </Group>
      }
    >
      {words.noneForAdmin}
    </EmptyState>
  );
}
