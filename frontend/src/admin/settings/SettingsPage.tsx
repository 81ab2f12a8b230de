// What a project is called, what can be in its photos, who works in it, and its end.
import { Button, Group, Stack, Textarea, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { changeProject, projectQuery, projectsQuery } from "../../api/projects";
import { canManage } from "../../api/roles";
import type { Project } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { Leaving } from "../../ui/SaveBar";
import { words } from "../../words/settings";
import { Categories } from "./Categories";
import { DeleteProject } from "./DeleteProject";
import { Guidelines } from "./Guidelines";
import { Members } from "./Members";
import { Webhooks } from "./Webhooks";

const route = getRouteApi("/signed-in/shell/projects/$projectId/settings");

export function SettingsPage(): ReactNode {
  const { projectId } = route.useParams();
  const { data: project } = useQuery(projectQuery(projectId));
  if (project === undefined) return null;
  if (!canManage(project)) {
    return <EmptyState title={words.notAdmin}>{words.notAdminText}</EmptyState>;
  }
  return (
    <Stack className="page" gap={48} style={{ maxWidth: 800 }}>
      <Basics project={project} />
      <Guidelines project={project} />
      <Categories projectId={projectId} />
      <Members projectId={projectId} />
      <Webhooks projectId={projectId} />
      <DeleteProject project={project} />
    </Stack>
  );
}

function Basics({ project }: { project: Project }): ReactNode {
  const queryClient = useQueryClient();
  const form = useForm({ initialValues: { name: project.name, description: project.description } });
  const save = useMutation({
    // Only what was typed here: the other may have been changed by somebody else meanwhile.
    mutationFn: ({ name, description }: { name: string; description: string }) =>
      changeProject(project.id, { ...(form.isDirty("name") && { name }), ...(form.isDirty("description") && { description }) }),
    onSuccess: (changed, sent) => {
      const now = form.getValues(); // what was typed meanwhile stays
      form.setValues({
        name: now.name === sent.name ? changed.name : now.name,
        description: now.description === sent.description ? changed.description : now.description,
      });
      form.resetDirty({ name: changed.name, description: changed.description });
      queryClient.setQueryData(projectQuery(project.id).queryKey, changed);
      void queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey });
      notifications.show({ message: words.project.saved });
    },
  });
  return (
    <Stack component="section" aria-labelledby="basics">
      <Title order={2} id="basics">
        {words.project.title}
      </Title>
      <form onSubmit={form.onSubmit((values) => save.mutate(values))}>
        <Stack>
          <TextInput
            label={words.project.name}
            required
            maxLength={120}
            {...form.getInputProps("name")}
            error={save.error === null ? null : messageOf(save.error)}
          />
          <Textarea label={words.project.description} autosize minRows={2} maxRows={10} maxLength={4000} {...form.getInputProps("description")} />
          <Group>
            <Button type="submit" variant="default" disabled={!form.isDirty()} loading={save.isPending}>
              {words.project.save}
            </Button>
          </Group>
        </Stack>
      </form>
      <Leaving isDirty={form.isDirty() && !save.isPending} />
    </Stack>
  );
}
