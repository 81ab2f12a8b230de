// Who works in the project, and as what.
import { ActionIcon, Button, Group, Select, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { IconUserMinus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { membersQuery, removeMember, setMember } from "../../api/projects";
import { ROLES } from "../../api/roles";
import type { Member, Role } from "../../api/types";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { words } from "../../words/settings";

const ROLE_CHOICES = ROLES.map(({ value, label }) => ({ value, label }));

export function Members({ projectId }: { projectId: number }): ReactNode {
  const members = useQuery(membersQuery(projectId));
  return (
    <Stack component="section" aria-labelledby="members">
      <div>
        <Title order={2} id="members">
          {words.members.title}
        </Title>
        <Text c="dimmed">{words.members.text}</Text>
      </div>
      {members.isPending && <SkeletonRows rows={3} height={44} />}
      {members.error !== null && (
        <ErrorPanel
          title={words.members.notRead}
          message={messageOf(members.error)}
          onRetry={() => void members.refetch()}
        />
      )}
      {members.data?.items.length === 0 && <Text c="dimmed">{words.members.none}</Text>}
      {members.data !== undefined && members.data.items.length > 0 && (
        <Table verticalSpacing={6} aria-label={words.members.title}>
          <Table.Tbody>
            {members.data.items.map((member) => (
              <MemberRow key={member.user_id} projectId={projectId} member={member} />
            ))}
          </Table.Tbody>
        </Table>
      )}
      <AddMember projectId={projectId} />
    </Stack>
  );
}

function MemberRow({ projectId, member }: { projectId: number; member: Member }): ReactNode {
  const queryClient = useQueryClient();
  const who = member.name || member.email;
  const fate = {
    onError: (error: Error) =>
      notifications.show({ color: "red", title: words.members.notChanged(who), message: messageOf(error) }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: membersQuery(projectId).queryKey }),
  };
  const change = useMutation({
    mutationFn: (role: Role) => setMember(projectId, { email: member.email, role }),
    ...fate,
  });
  const remove = useMutation({ mutationFn: () => removeMember(projectId, member.user_id), ...fate });
  return (
    <Table.Tr>
      <Table.Td>
        <Text>{who}</Text>
        {member.name !== "" && (
          <Text size="sm" c="dimmed">
            {member.email}
          </Text>
        )}
      </Table.Td>
      <Table.Td w={180}>
        <Select
          aria-label={words.members.roleOf(who)}
          data={ROLE_CHOICES}
          value={member.role}
          allowDeselect={false}
          disabled={change.isPending}
          onChange={(role) => role !== null && change.mutate(role as Role)}
        />
      </Table.Td>
      <Table.Td w={48}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          loading={remove.isPending}
          aria-label={words.members.remove(who)}
          onClick={() => remove.mutate()}
        >
          <IconUserMinus size={18} aria-hidden />
        </ActionIcon>
      </Table.Td>
    </Table.Tr>
  );
}

function AddMember({ projectId }: { projectId: number }): ReactNode {
  const queryClient = useQueryClient();
  const form = useForm({ initialValues: { email: "", role: "annotator" as Role } });
  const add = useMutation({
    mutationFn: (member: { email: string; role: Role }) => setMember(projectId, member),
    onSuccess: () => {
      form.reset();
      return queryClient.invalidateQueries({ queryKey: membersQuery(projectId).queryKey });
    },
  });
  return (
    <form onSubmit={form.onSubmit(({ email, role }) => add.mutate({ email: email.trim(), role }))}>
      <Group align="flex-start" gap="xs">
        <TextInput
          aria-label={words.members.newEmail}
          placeholder={words.members.email}
          type="email"
          required
          style={{ flex: 1 }}
          {...form.getInputProps("email")}
          error={add.error === null ? null : messageOf(add.error)}
        />
        <Select aria-label={words.members.role} data={ROLE_CHOICES} allowDeselect={false} w={160} {...form.getInputProps("role")} />
        <Button type="submit" variant="default" loading={add.isPending}>
          {words.members.add}
        </Button>
      </Group>
    </form>
  );
}
