// All projects one works in: a strip of their photos, how far they are.
import "./projects.css";
import { Button, Group, Progress, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { firstImagesQuery, thumbnailUrl } from "../../api/images";
import { projectsQuery } from "../../api/projects";
import { isAdmin } from "../../api/roles";
import { meQuery } from "../../api/session";
import type { Project } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { words } from "../../words/projects";
import { CreateProject } from "./CreateProject";
import { DeletedProjects } from "./DeletedProjects";

const STRIP_IMAGES = 4;

export function ProjectsPage(): ReactNode {
  const projects = useQuery(projectsQuery);
  const { data: me } = useQuery(meQuery);
  const [isCreating, setIsCreating] = useState(false);
  const create = <Button onClick={() => setIsCreating(true)}>{words.create}</Button>;
  return (
    <div className="page page-centred">
      <Group justify="space-between" mb="md" mih={36}>
        <Title order={1}>{words.title}</Title>
        {isAdmin(me) && (projects.data?.items.length ?? 0) > 0 && create}
      </Group>
      {projects.isPending && <SkeletonRows rows={4} height={80} />}
      {projects.error !== null && (
        <ErrorPanel
          title={words.notRead}
          message={messageOf(projects.error)}
          onRetry={() => void projects.refetch()}
        />
      )}
      {projects.data?.items.length === 0 && (
        <EmptyState title={words.none} action={isAdmin(me) ? create : undefined}>
          {isAdmin(me)
            ? words.noneForAdmin
            : words.noneForOthers}
        </EmptyState>
      )}
      {projects.data?.items.map((project) => <ProjectRow key={project.id} project={project} />)}
      {isAdmin(me) && <DeletedProjects />}
      <CreateProject isOpen={isCreating} onClose={() => setIsCreating(false)} />
    </div>
  );
}

function ProjectRow({ project }: { project: Project }): ReactNode {
  const { image_count, done_count, annotation_count } = project;
  return (
    <Link to="/projects/$projectId" params={{ projectId: project.id }} className="project-row">
      <Strip project={project} />
      <div style={{ minWidth: 0 }}>
        <Text fw={600} truncate>
          {project.name}
        </Text>
        <Text size="sm" c="dimmed" lineClamp={1}>
          {project.description}
        </Text>
      </div>
      <div className="tabular">
        <Text size="sm">
          {image_count === 0 ? words.noImages : words.done(done_count, image_count)}
        </Text>
        <Progress
          size={3}
          my={6}
          value={image_count === 0 ? 0 : (100 * done_count) / image_count}
          aria-label={words.shareDone(project.name)}
        />
        <Text size="sm" c="dimmed">
          {words.masks(annotation_count)}
        </Text>
      </div>
    </Link>
  );
}

function Strip({ project }: { project: Project }): ReactNode {
  const images = useQuery({ ...firstImagesQuery(project.id, STRIP_IMAGES), enabled: project.image_count > 0 });
  return (
    <div className="project-strip" aria-hidden>
      {images.data?.items.map((image) => <img key={image.id} src={thumbnailUrl(image.id)} alt="" loading="lazy" />)}
    </div>
  );
}
