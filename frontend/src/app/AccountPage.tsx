// One's own password and API tokens.
import { Anchor, Button, Group, Modal, Paper, Stack, Table, Text, TextInput, Title, VisuallyHidden } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../api/errors";
import { createToken, meQuery, revokeToken, tokensQuery } from "../api/session";
import type { Token } from "../api/types";
import { CopyField } from "../ui/CopyField";
import { ErrorPanel } from "../ui/ErrorPanel";
import { moment } from "../ui/format";
import { SkeletonRows } from "../ui/SkeletonRows";
import { PasswordForm } from "./PasswordForm";

export function AccountPage(): ReactNode {
  const { data: me } = useQuery(meQuery);
  if (me === undefined || me === null) return null;
  return (
    <Stack className="page page-centred" gap={40}>
      <div>
        <Title order={1}>{me.user.name || me.user.email}</Title>
        <Text c="dimmed">{me.user.email}</Text>
      </div>
      <Stack component="section" aria-labelledby="password" maw={360}>
        <Title order={2} id="password">
          Password
        </Title>
        {!me.has_password && <Text c="dimmed">You have none yet: you can only sign in by link.</Text>}
        <PasswordForm me={me} onSet={() => notifications.show({ message: "Password saved. Other sessions have ended." })} />
      </Stack>
      <Tokens />
    </Stack>
  );
}

function Tokens(): ReactNode {
  const tokens = useQuery(tokensQuery);
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <Stack component="section" aria-labelledby="tokens">
      <div>
        <Title order={2} id="tokens">
          API tokens
        </Title>
        <Text c="dimmed">
          For programs. A token may do what you may do. All routes are described in the{" "}
          <Anchor href="/api/docs" target="_blank" underline="always">
            API documentation
          </Anchor>
          .
        </Text>
      </div>
      <NewToken onCreated={setSecret} />
      {tokens.error !== null && (
        <ErrorPanel title="Tokens could not be read" message={messageOf(tokens.error)} onRetry={() => void tokens.refetch()} />
      )}
      {tokens.isPending && <SkeletonRows rows={2} height={40} />}
      {tokens.data !== undefined && <TokenTable tokens={tokens.data.items} />}
      <Example token={secret} />
      <Modal opened={secret !== null} onClose={() => setSecret(null)} title="Your new token" size="lg">
        <Stack>
          <Text c="dimmed">It is shown only now. Keep it like a password.</Text>
          <CopyField label="Token" value={secret ?? ""} />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setSecret(null)}>
              Close
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Stack>
  );
}

function NewToken({ onCreated }: { onCreated: (secret: string) => void }): ReactNode {
  const queryClient = useQueryClient();
  const form = useForm({ initialValues: { name: "" } });
  const create = useMutation({
    mutationFn: createToken,
    onSuccess: ({ token }) => {
      form.reset();
      onCreated(token);
      void queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey });
    },
  });
  return (
    <form onSubmit={form.onSubmit(({ name }) => create.mutate(name.trim()))}>
      <Group align="flex-end" gap="xs">
        <TextInput
          label="What the token is for"
          placeholder="Nightly export"
          w={320}
          required
          maxLength={120}
          {...form.getInputProps("name")}
        />
        <Button type="submit" variant="default" loading={create.isPending}>
          Create token
        </Button>
      </Group>
      {create.error !== null && (
        <Text role="alert" c="var(--sl-red)" mt="xs">
          {messageOf(create.error)}
        </Text>
      )}
    </form>
  );
}

function TokenTable({ tokens }: { tokens: readonly Token[] }): ReactNode {
  const queryClient = useQueryClient();
  const revoke = useMutation({
    mutationFn: (token: Token) => revokeToken(token.id),
    onSuccess: (_answer, token) => {
      notifications.show({ message: `Token "${token.name}" no longer works.` });
      void queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey });
    },
    onError: (error) => notifications.show({ color: "red", title: "The token still works", message: messageOf(error) }),
  });
  if (tokens.length === 0) return <Text c="dimmed">No token yet.</Text>;
  return (
    <Table verticalSpacing={6} className="tabular">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>For</Table.Th>
          <Table.Th>Begins with</Table.Th>
          <Table.Th>Created</Table.Th>
          <Table.Th>Last used</Table.Th>
          <Table.Th>
            <VisuallyHidden>Actions</VisuallyHidden>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {tokens.map((token) => (
          <Table.Tr key={token.id}>
            <Table.Td style={{ overflowWrap: "anywhere" }}>{token.name}</Table.Td>
            <Table.Td ff="monospace">{token.prefix}…</Table.Td>
            <Table.Td>{moment(token.created_at)}</Table.Td>
            <Table.Td>{token.last_used_at === null ? "Never" : moment(token.last_used_at)}</Table.Td>
            <Table.Td ta="right">
              <Button
                size="compact-sm"
                variant="subtle"
                color="red"
                onClick={() => revoke.mutate(token)}
                aria-label={`Revoke token ${token.name}`}
              >
                Revoke
              </Button>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Example({ token }: { token: string | null }): ReactNode {
  const shown = token === null ? "$SEGLOOP_TOKEN" : token;
  return (
    <Paper withBorder p="md" bg="var(--sl-panel)">
      <Stack gap="sm">
        <CopyField
          label="From a shell"
          value={`curl -H "Authorization: Bearer ${shown}" ${location.origin}/api/projects`}
        />
        <CopyField
          label="From Python"
          lines={5}
          value={[
            "import os, httpx",
            "",
            `headers = {"Authorization": f"Bearer {os.environ['SEGLOOP_TOKEN']}"}`,
            `with httpx.Client(base_url="${location.origin}/api", headers=headers) as segloop:`,
            `    print(segloop.get("/projects").raise_for_status().json()["items"])`,
          ].join("\n")}
        />
      </Stack>
    </Paper>
  );
}
