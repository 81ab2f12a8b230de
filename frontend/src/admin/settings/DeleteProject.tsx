// The end of a project: only by typing its name.
import { Button, Group, Modal, Stack, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { deleteProject, projectKey, projectsQuery } from "../../api/projects";
import type { Project } from "../../api/types";
import { plural } from "../../ui/format";

export function DeleteProject({ project }: { project: Project }): ReactNode {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const [isOpen, setIsOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const close = (): void => {
    setIsOpen(false);
    setTyped("");
  };
  const remove = useMutation({
    mutationFn: () => deleteProject(project.id),
    onSuccess: async () => {
      await navigate({ to: "/projects" });
      queryClient.removeQueries({ queryKey: projectKey(project.id) });
      notifications.show({ message: `Project "${project.name}" deleted` });
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey });
    },
  });
  return (
    <Stack component="section" aria-labelledby="delete" gap="sm">
      <Title order={2} id="delete">
        Delete project
      </Title>
      <Text c="dimmed">
        Nobody can open it any more, and work in it stops. Images and masks stay on the server's disk.
      </Text>
      <Group>
        <Button variant="outline" color="red" onClick={() => setIsOpen(true)}>
          Delete project
        </Button>
      </Group>
      <Modal opened={isOpen} onClose={close} title="Delete project">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            remove.mutate();
          }}
        >
          <Stack>
            <Text className="tabular">
              {project.name} has {plural(project.image_count, "image")} and {plural(project.annotation_count, "mask")}. Type
              its name to delete it.
            </Text>
            <TextInput
              label="Name of the project"
              value={typed}
              data-autofocus
              autoComplete="off"
              onChange={(event) => setTyped(event.currentTarget.value)}
              error={remove.error === null ? null : messageOf(remove.error)}
            />
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={close}>
                Cancel
              </Button>
              <Button type="submit" color="red" disabled={typed.trim() !== project.name} loading={remove.isPending}>
                Delete project
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </Stack>
  );
}
