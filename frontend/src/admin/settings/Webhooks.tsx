// Addresses that are told of what happens in the project: add, look whether they answer, remove.
import { ActionIcon, Button, Group, Modal, MultiSelect, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { addWebhook, deleteWebhook, type NewWebhook, type Webhook, type WebhookKind, webhooksQuery } from "../../api/webhooks";
import { CopyField } from "../../ui/CopyField";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { words } from "../../words/settings";

const KIND_CHOICES = Object.entries(words.webhooks.kinds).map(([value, label]) => ({ value, label }));

export function Webhooks({ projectId }: { projectId: number }): ReactNode {
  const webhooks = useQuery(webhooksQuery(projectId));
  return (
    <Stack component="section" aria-labelledby="webhooks">
      <div>
        <Title order={2} id="webhooks">
          {words.webhooks.title}
        </Title>
        <Text c="dimmed">{words.webhooks.text}</Text>
      </div>
      {webhooks.isPending && <SkeletonRows rows={1} height={44} />}
      {webhooks.error !== null && (
        <ErrorPanel title={words.webhooks.notRead} message={messageOf(webhooks.error)} onRetry={() => void webhooks.refetch()} />
      )}
      {webhooks.data !== undefined && webhooks.data.items.length > 0 && (
        <Table verticalSpacing={6} aria-label={words.webhooks.title}>
          <Table.Tbody>
            {webhooks.data.items.map((webhook) => (
              <WebhookRow key={webhook.id} projectId={projectId} webhook={webhook} />
            ))}
          </Table.Tbody>
        </Table>
      )}
      <AddWebhook projectId={projectId} />
    </Stack>
  );
}

function WebhookRow({ projectId, webhook }: { projectId: number; webhook: Webhook }): ReactNode {
  const queryClient = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteWebhook(projectId, webhook.id),
    onSettled: () => queryClient.invalidateQueries({ queryKey: webhooksQuery(projectId).queryKey }),
  });
  return (
    <Table.Tr>
      <Table.Td style={{ overflowWrap: "anywhere" }}>
        <Text>{webhook.url}</Text>
        <Text size="sm" c="dimmed">
          {webhook.kinds.length === 0 ? words.webhooks.allKinds : webhook.kinds.map(kindWord).join(", ")}
        </Text>
        {remove.error !== null && (
          <Text size="sm" role="alert" c="var(--sl-red)">
            {messageOf(remove.error)}
          </Text>
        )}
        {remove.error === null && webhook.last_error !== null && <Text size="sm">{words.webhooks.failed(webhook.last_error)}</Text>}
      </Table.Td>
      <Table.Td w={48}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          loading={remove.isPending}
          aria-label={words.webhooks.remove(webhook.url)}
          onClick={() => remove.mutate()}
        >
          <IconTrash size={18} aria-hidden />
        </ActionIcon>
      </Table.Td>
    </Table.Tr>
  );
}

const kindWord = (kind: string): string => (kind in words.webhooks.kinds ? words.webhooks.kinds[kind as WebhookKind] : kind);

function AddWebhook({ projectId }: { projectId: number }): ReactNode {
  const queryClient = useQueryClient();
  const [added, setAdded] = useState<NewWebhook | null>(null);
  const form = useForm({ initialValues: { url: "", kinds: [] as string[] } });
  const add = useMutation({
    mutationFn: ({ url, kinds }: { url: string; kinds: string[] }) =>
      addWebhook(projectId, { url: url.trim(), kinds: kinds as WebhookKind[] }),
    onSuccess: (webhook) => {
      form.reset();
      setAdded(webhook);
      return queryClient.invalidateQueries({ queryKey: webhooksQuery(projectId).queryKey });
    },
  });
  return (
    <form onSubmit={form.onSubmit((values) => add.mutate(values))}>
      <Stack gap="xs">
        <TextInput
          label={words.webhooks.address}
          placeholder={words.webhooks.example}
          type="url"
          required
          maxLength={2000}
          {...form.getInputProps("url")}
          error={add.error === null ? null : messageOf(add.error)}
        />
        <MultiSelect
          label={words.webhooks.which}
          placeholder={form.values.kinds.length === 0 ? words.webhooks.allKinds : ""}
          data={KIND_CHOICES}
          clearable
          {...form.getInputProps("kinds")}
        />
        <Group>
          <Button type="submit" variant="default" loading={add.isPending}>
            {words.webhooks.add}
          </Button>
        </Group>
      </Stack>
      <Modal opened={added !== null} onClose={() => setAdded(null)} title={words.webhooks.added} size="lg">
        <Stack>
          <Text>{words.webhooks.secretText}</Text>
          <CopyField label={words.webhooks.secret} value={added?.secret ?? ""} />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAdded(null)}>
              {words.webhooks.close}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </form>
  );
}
