// How to annotate, written by the project's admins and shown beside every photo.
import { Button, Group, Stack, Tabs, Text, Textarea, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useRef } from "react";
import { messageOf } from "../../api/errors";
import { changeProject, projectQuery } from "../../api/projects";
import type { Project } from "../../api/types";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { Markdown } from "../../ui/Markdown";
import { Leaving } from "../../ui/SaveBar";
import { words } from "../../words/settings";
import { words as uiWords } from "../../words/ui";

const MAX_LENGTH = 20_000;

export function Guidelines({ project }: { project: Project }): ReactNode {
  const queryClient = useQueryClient();
  const form = useForm({ initialValues: { guidelines: project.guidelines } });
  const { guidelines } = form.values;
  /** What stood when the editing began. */
  const began = useRef(project.guidelines);
  const save = useMutation({
    mutationFn: async (values: { guidelines: string }) => {
      const { guidelines: theirs } = await queryClient.fetchQuery({ ...projectQuery(project.id), staleTime: 0 });
      if (theirs !== began.current) {
        began.current = theirs;
        throw new Error(words.guidelines.overtaken);
      }
      return changeProject(project.id, values);
    },
    onSuccess: (changed, sent) => {
      began.current = changed.guidelines;
      const saved = { guidelines: changed.guidelines };
      if (form.getValues().guidelines === sent.guidelines) form.setValues(saved); // else more was typed meanwhile
      form.resetDirty(saved);
      queryClient.setQueryData(projectQuery(project.id).queryKey, changed);
      notifications.show({ message: words.guidelines.saved });
    },
  });
  return (
    <Stack component="section" aria-labelledby="guidelines">
      <div>
        <Title order={2} id="guidelines">
          {words.guidelines.title}
        </Title>
        <Text c="dimmed">{words.guidelines.text}</Text>
      </div>
      <form onSubmit={form.onSubmit((values) => save.mutate(values))}>
        <Stack>
          <Tabs defaultValue="write" keepMounted={false}>
            <Tabs.List mb="sm">
              <Tabs.Tab value="write">{words.guidelines.write}</Tabs.Tab>
              <Tabs.Tab value="preview">{words.guidelines.preview}</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="write">
              <Textarea
                aria-label={words.guidelines.label}
                autosize
                minRows={6}
                maxRows={24}
                maxLength={MAX_LENGTH}
                description={guidelines.length > MAX_LENGTH * 0.9 ? words.guidelines.left(MAX_LENGTH - guidelines.length) : null}
                {...form.getInputProps("guidelines")}
              />
            </Tabs.Panel>
            <Tabs.Panel value="preview">
              {guidelines.trim() === "" ? <Text c="dimmed">{words.guidelines.empty}</Text> : <Markdown text={guidelines} />}
            </Tabs.Panel>
          </Tabs>
          {save.error !== null && form.isDirty() && <ErrorPanel title={uiWords.notSaved} message={messageOf(save.error)} />}
          <Group>
            <Button type="submit" variant="default" disabled={!form.isDirty()} loading={save.isPending}>
              {words.guidelines.save}
            </Button>
          </Group>
        </Stack>
      </form>
      <Leaving isDirty={form.isDirty() && !save.isPending} />
    </Stack>
  );
}
