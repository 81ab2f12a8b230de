// The dialog that makes a project and opens it.
import { Button, Group, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { createProject, projectsQuery } from "../../api/projects";
import { words } from "../../words/projects";

export function CreateProject({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): ReactNode {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const form = useForm({ initialValues: { name: "", description: "" } });
  const create = useMutation({
    mutationFn: createProject,
    onSuccess: async (project) => {
      form.reset();
      onClose();
      await navigate({ to: "/projects/$projectId", params: { projectId: project.id } });
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey });
    },
  });
  const close = (): void => {
    create.reset();
    onClose();
  };
  return (
    <Modal opened={isOpen} onClose={close} title={words.create}>
      <form onSubmit={form.onSubmit((values) => create.mutate(values))}>
        <Stack>
          <TextInput
            label={words.name}
            placeholder={words.nameExample}
            required
            maxLength={120}
            data-autofocus
            {...form.getInputProps("name")}
            error={create.error === null ? null : messageOf(create.error)}
          />
          <Textarea
            label={words.description}
            placeholder={words.descriptionExample}
            autosize
            minRows={2}
            maxRows={8}
            maxLength={4000}
            {...form.getInputProps("description")}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              {words.cancel}
            </Button>
            <Button type="submit" loading={create.isPending}>
              {words.create}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
