// The end of a project: only by typing its name.
import { Button, Group, Modal, Stack, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { deleteProject, projectKey, projectsQuery } from "../../api/projects";
import type { Project } from "../../api/types";
import { words } from "../../words/settings";

export function DeleteProject({ project }: { project: Project }): ReactNode {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const [isOpen, setIsOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const remove = useMutation({
    mutationFn: () => deleteProject(project.id),
    onSuccess: async () => {
      await navigate({ to: "/projects", ignoreBlocker: true }); // what is typed elsewhere on the page goes with the project
      queryClient.removeQueries({ queryKey: projectKey(project.id) });
      notifications.show({ message: words.removal.done(project.name) });
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey });
    },
  });
  const close = (): void => {
    setIsOpen(false);
    setTyped("");
    remove.reset();
  };
  return (
    <Stack component="section" aria-labelledby="delete" gap="sm">
      <Title order={2} id="delete">
        {words.removal.title}
      </Title>
      <Text c="dimmed">
        {words.removal.text}
      </Text>
      <Group>
        <Button variant="outline" color="red" onClick={() => setIsOpen(true)}>
          {words.removal.title}
        </Button>
      </Group>
      <Modal opened={isOpen} onClose={close} title={words.removal.title}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            remove.mutate();
          }}
        >
          <Stack>
            <Text className="tabular">
              {words.removal.holds(project.name, project.image_count, project.annotation_count)}
            </Text>
            <TextInput
              label={words.removal.name}
              value={typed}
              data-autofocus
              autoComplete="off"
              onChange={(event) => setTyped(event.currentTarget.value)}
              error={remove.error === null ? null : messageOf(remove.error)}
            />
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={close}>
                {words.cancel}
              </Button>
              <Button type="submit" color="red" disabled={typed.trim() !== project.name} loading={remove.isPending}>
                {words.removal.title}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </Stack>
  );
}
