// Everybody who may sign in. Sign-up is closed: people come in by a link made here.
import { Button, Group, Select, Stack, Switch, Table, Text, Title, VisuallyHidden } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { changeUser, createSignInLink, usersQuery } from "../../api/people";
import { isAdmin, ROLES } from "../../api/roles";
import { meQuery } from "../../api/session";
import type { Role, User } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { words } from "../../words/people";
import { AddPerson } from "./AddPerson";
import { SignInLinkDialog } from "./SignInLinkDialog";

export function PeoplePage(): ReactNode {
  const { data: me } = useQuery(meQuery);
  const users = useQuery({ ...usersQuery, enabled: isAdmin(me) });
  const [isAdding, setIsAdding] = useState(false);
  const [link, setLink] = useState<{ email: string; url: string } | null>(null);
  if (me !== undefined && !isAdmin(me)) {
    return <EmptyState title={words.notAdmin}>{words.notAdminText}</EmptyState>;
  }
  return (
    <div className="page page-centred">
      <Group justify="space-between" mb="md">
        <Title order={1}>{words.title}</Title>
        <Button onClick={() => setIsAdding(true)}>{words.add}</Button>
      </Group>
      {users.isPending && <SkeletonRows rows={4} height={44} />}
      {users.error !== null && (
        <ErrorPanel title={words.notRead} message={messageOf(users.error)} onRetry={() => void users.refetch()} />
      )}
      {users.data !== undefined && (
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{words.person}</Table.Th>
              <Table.Th w={180}>{words.role}</Table.Th>
              <Table.Th w={120}>{words.maySignIn}</Table.Th>
              <Table.Th w={160}>
                <VisuallyHidden>{words.actions}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {users.data.items.map((user) => (
              <PersonRow
                key={user.id}
                user={user}
                isMe={user.id === me?.user.id}
                onLink={(url) => setLink({ email: user.email, url })}
              />
            ))}
          </Table.Tbody>
        </Table>
      )}
      <AddPerson
        isOpen={isAdding}
        onClose={() => setIsAdding(false)}
        onAdded={(email, url) => {
          setIsAdding(false);
          setLink({ email, url });
        }}
      />
      <SignInLinkDialog link={link} onClose={() => setLink(null)} />
    </div>
  );
}

interface PersonRowProps {
  user: User;
  isMe: boolean;
  onLink: (url: string) => void;
}

function PersonRow({ user, isMe, onLink }: PersonRowProps): ReactNode {
  const queryClient = useQueryClient();
  const who = user.name || user.email;
  const change = useMutation({
    mutationFn: (wanted: { role?: Role; is_active?: boolean }) => changeUser(user.id, wanted),
    onError: (error) => notifications.show({ color: "red", title: words.notChanged(who), message: messageOf(error) }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: usersQuery.queryKey }),
  });
  const makeLink = useMutation({
    mutationFn: () => createSignInLink(user.id),
    onSuccess: onLink,
    onError: (error) => notifications.show({ color: "red", title: words.noLink, message: messageOf(error) }),
  });
  return (
    <Table.Tr>
      <Table.Td>
        <Stack gap={0}>
          <Text>
            {who}
            {isMe && (
              <Text span c="dimmed">
                {" "}
                {words.you}
              </Text>
            )}
          </Text>
          {user.name !== "" && (
            <Text size="sm" c="dimmed">
              {user.email}
            </Text>
          )}
        </Stack>
      </Table.Td>
      <Table.Td>
        <Select
          aria-label={words.roleOf(who)}
          data={ROLES.map(({ value, label }) => ({ value, label }))}
          value={user.role}
          allowDeselect={false}
          disabled={isMe || change.isPending}
          onChange={(role) => role !== null && change.mutate({ role: role as Role })}
        />
      </Table.Td>
      <Table.Td>
        {isMe ? (
          <Text size="sm" c="dimmed">
            {words.notYourself}
          </Text>
        ) : (
          <Switch
            aria-label={words.maySignInOf(who)}
            checked={user.is_active}
            disabled={change.isPending}
            onChange={(event) => change.mutate({ is_active: event.currentTarget.checked })}
          />
        )}
      </Table.Td>
      <Table.Td ta="right">
        <Button
          size="compact-sm"
          variant="subtle"
          loading={makeLink.isPending}
          disabled={!user.is_active}
          onClick={() => makeLink.mutate()}
          aria-label={words.newLinkFor(who)}
        >
          {words.newLink}
        </Button>
      </Table.Td>
    </Table.Tr>
  );
}
