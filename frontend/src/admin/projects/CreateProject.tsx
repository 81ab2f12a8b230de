// The dialog that makes a project and opens it.
import { Button, Group, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { createProject, projectsQuery } from "../../api/projects";

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
  return (
    <Modal opened={isOpen} onClose={onClose} title="Create project">
      <form onSubmit={form.onSubmit((values) => create.mutate(values))}>
        <Stack>
          <TextInput
            label="Name"
            placeholder="Street furniture 2026"
            required
            maxLength={120}
            data-autofocus
            {...form.getInputProps("name")}
            error={create.error === null ? null : messageOf(create.error)}
          />
          <Textarea
            label="Description (optional)"
            placeholder="What is in the photos, and what counts as one mask"
            autosize
            minRows={2}
            maxRows={8}
            maxLength={4000}
            {...form.getInputProps("description")}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={create.isPending}>
              Create project
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
