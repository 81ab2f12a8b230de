// The categories a mask may have: add, rename, delete. Their hues are those of the masks in the workspace.
import { ActionIcon, Button, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { addCategory, categoriesQuery, deleteCategory, renameCategory } from "../../api/projects";
import type { Category } from "../../api/types";
import { cssColour, paletteColour } from "../../canvas/render/palette";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { words } from "../../words/settings";

export function Categories({ projectId }: { projectId: number }): ReactNode {
  const queryClient = useQueryClient();
  const categories = useQuery(categoriesQuery(projectId));
  const form = useForm({ initialValues: { name: "" } });
  const refresh = (): Promise<void> => queryClient.invalidateQueries({ queryKey: categoriesQuery(projectId).queryKey });
  const add = useMutation({
    mutationFn: (name: string) => addCategory(projectId, name),
    onSuccess: () => {
      form.reset();
      return refresh();
    },
  });
  return (
    <Stack component="section" aria-labelledby="categories">
      <div>
        <Title order={2} id="categories">
          {words.categories.title}
        </Title>
        <Text c="dimmed">{words.categories.text}</Text>
      </div>
      {categories.isPending && <SkeletonRows rows={3} height={36} />}
      {categories.error !== null && (
        <ErrorPanel
          title={words.categories.notRead}
          message={messageOf(categories.error)}
          onRetry={() => void categories.refetch()}
        />
      )}
      <Stack gap={8} role="list">
        {categories.data?.items.map((category) => (
          <CategoryRow key={category.id} projectId={projectId} category={category} onChanged={refresh} />
        ))}
      </Stack>
      <form onSubmit={form.onSubmit(({ name }) => add.mutate(name.trim()))}>
        <Group align="flex-start" gap="xs">
          <TextInput
            aria-label={words.categories.new}
            placeholder={words.categories.new}
            required
            maxLength={120}
            style={{ flex: 1 }}
            {...form.getInputProps("name")}
            error={add.error === null ? null : messageOf(add.error)}
          />
          <Button type="submit" variant="default" loading={add.isPending}>
            {words.categories.add}
          </Button>
        </Group>
      </form>
    </Stack>
  );
}

interface CategoryRowProps {
  projectId: number;
  category: Category;
  onChanged: () => Promise<void>;
}

/** The name is a field; leaving it or Enter saves, Escape takes the change back. */
function CategoryRow({ projectId, category, onChanged }: CategoryRowProps): ReactNode {
  const [draft, setDraft] = useState<string | null>(null);
  const rename = useMutation({
    mutationFn: (name: string) => renameCategory(projectId, category.id, name),
    onSuccess: async () => {
      await onChanged();
      setDraft(null);
    },
  });
  const remove = useMutation({ mutationFn: () => deleteCategory(projectId, category.id), onSuccess: onChanged });
  const change = (name: string | null): void => {
    setDraft(name);
    rename.reset();
    remove.reset();
  };
  const save = (): void => {
    const name = draft?.trim() ?? "";
    if (name === "" || name === category.name) setDraft(null);
    else rename.mutate(name);
  };
  const refusal = rename.error ?? remove.error;
  return (
    <Group role="listitem" gap="xs" wrap="nowrap" align="flex-start">
      <span
        aria-hidden
        style={{
          width: 14,
          height: 14,
          marginTop: 11,
          flex: "none",
          borderRadius: 3,
          background: cssColour(paletteColour(category.position)),
          border: "1px solid var(--sl-line-strong)",
        }}
      />
      <TextInput
        aria-label={words.categories.nameOf(category.name)}
        style={{ flex: 1 }}
        maxLength={120}
        value={draft ?? category.name}
        onChange={(event) => change(event.currentTarget.value)}
        onBlur={save}
        onKeyDown={(event) => {
          if (event.key === "Enter") save();
          if (event.key === "Escape") change(null);
        }}
        error={refusal === null ? null : messageOf(refusal)}
      />
      <ActionIcon
        variant="subtle"
        color="gray"
        size={36}
        loading={remove.isPending}
        aria-label={words.categories.remove(category.name)}
        onClick={() => {
          rename.reset();
          remove.mutate();
        }}
      >
        <IconTrash size={18} aria-hidden />
      </ActionIcon>
    </Group>
  );
}
