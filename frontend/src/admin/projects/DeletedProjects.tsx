// What was deleted and can come back.
import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { deletedProjectsQuery, projectsQuery, restoreProject } from "../../api/projects";
import type { Project } from "../../api/types";
import { moment } from "../../ui/format";
import { words } from "../../words/projects";

export function DeletedProjects(): ReactNode {
  const deleted = useQuery(deletedProjectsQuery);
  if (deleted.data === undefined || deleted.data.items.length === 0) return null;
  return (
    <Stack component="section" aria-labelledby="deleted" gap="xs" mt="xl">
      <Title order={2} id="deleted">
        {words.deleted}
      </Title>
      {deleted.data.items.map((project) => <DeletedRow key={project.id} project={project} />)}
    </Stack>
  );
}

function DeletedRow({ project }: { project: Project }): ReactNode {
  const queryClient = useQueryClient();
  const restore = useMutation({
    mutationFn: () => restoreProject(project.id),
    onSuccess: async () => {
      notifications.show({ message: words.restored(project.name) });
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey });
    },
  });
  return (
    <Group justify="space-between" wrap="nowrap">
      <div style={{ minWidth: 0 }}>
        <Text truncate>{project.name}</Text>
        <Text size="sm" c={restore.error === null ? "dimmed" : "red"} className="tabular">
          {restore.error === null
            ? words.deletedOn(moment(project.deleted_at ?? ""), project.image_count, project.annotation_count)
            : messageOf(restore.error)}
        </Text>
      </div>
      <Button
        variant="default"
        size="xs"
        loading={restore.isPending}
        aria-label={words.restoreThis(project.name)}
        onClick={() => restore.mutate()}
      >
        {words.restore}
      </Button>
    </Group>
  );
}
