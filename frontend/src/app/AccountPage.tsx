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
import { words } from "../words/account";
import { words as appWords } from "../words/app";
import { LanguageRadios } from "./LanguageRadios";
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
          {words.password}
        </Title>
        {!me.has_password && <Text c="dimmed">{words.noPasswordYet}</Text>}
        <PasswordForm me={me} onSet={() => notifications.show({ message: words.passwordSaved })} />
      </Stack>
      <Stack component="section" aria-labelledby="language" gap="sm">
        <div>
          <Title order={2} id="language">
            {appWords.language}
          </Title>
          <Text c="dimmed">{words.languageText}</Text>
        </div>
        <LanguageRadios labelledBy="language" />
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
          {words.tokens.title}
        </Title>
        <Text c="dimmed">
          {words.tokens.text}{" "}
          <Anchor href="/api/docs" target="_blank" underline="always">
            {words.tokens.documentation}
          </Anchor>
          {words.tokens.textEnd}
        </Text>
      </div>
      <NewToken onCreated={setSecret} />
      {tokens.error !== null && (
        <ErrorPanel title={words.tokens.notRead} message={messageOf(tokens.error)} onRetry={() => void tokens.refetch()} />
      )}
      {tokens.isPending && <SkeletonRows rows={2} height={40} />}
      {tokens.data !== undefined && <TokenTable tokens={tokens.data.items} />}
      <Example token={secret} />
      <Modal opened={secret !== null} onClose={() => setSecret(null)} title={words.tokens.created} size="lg">
        <Stack>
          <Text c="dimmed">{words.tokens.createdText}</Text>
          <CopyField label={words.tokens.token} value={secret ?? ""} />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setSecret(null)}>
              {words.tokens.close}
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
          label={words.tokens.what}
          placeholder={words.tokens.example}
          w={320}
          required
          maxLength={120}
          {...form.getInputProps("name")}
        />
        <Button type="submit" variant="default" loading={create.isPending}>
          {words.tokens.create}
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
      notifications.show({ message: words.tokens.revoked(token.name) });
      return queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey });
    },
    onError: (error) => notifications.show({ color: "red", title: words.tokens.notRevoked, message: messageOf(error) }),
  });
  if (tokens.length === 0) return <Text c="dimmed">{words.tokens.none}</Text>;
  return (
    <Table verticalSpacing={6} className="tabular">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{words.tokens.for}</Table.Th>
          <Table.Th>{words.tokens.beginsWith}</Table.Th>
          <Table.Th>{words.tokens.createdAt}</Table.Th>
          <Table.Th>{words.tokens.lastUsed}</Table.Th>
          <Table.Th>
            <VisuallyHidden>{words.tokens.actions}</VisuallyHidden>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {tokens.map((token) => (
          <Table.Tr key={token.id}>
            <Table.Td style={{ overflowWrap: "anywhere" }}>{token.name}</Table.Td>
            <Table.Td ff="monospace">{token.prefix}…</Table.Td>
            <Table.Td>{moment(token.created_at)}</Table.Td>
            <Table.Td>{token.last_used_at === null ? words.tokens.never : moment(token.last_used_at)}</Table.Td>
            <Table.Td ta="right">
              <Button
                size="compact-sm"
                variant="subtle"
                color="red"
                loading={revoke.isPending && revoke.variables.id === token.id}
                onClick={() => revoke.mutate(token)}
                aria-label={words.tokens.revokeOf(token.name)}
              >
                {words.tokens.revoke}
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
          label={words.tokens.fromShell}
          value={`curl -H "Authorization: Bearer ${shown}" ${location.origin}/api/projects`}
        />
        <CopyField
          label={words.tokens.fromPython}
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
