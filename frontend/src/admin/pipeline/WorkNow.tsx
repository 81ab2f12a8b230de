// Who works on which photo at this moment, and taking one out of somebody's hands.
import { Button, Group, Modal, Stack, Table, Text, TextInput, Title, VisuallyHidden } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { stagesKey } from "../../api/stages";
import { freeWork, type Held, heldKey, heldQuery } from "../../api/work";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { clock, moment } from "../../ui/format";
import { MoreButton } from "../../ui/MoreButton";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { stageName } from "../../ui/stageWords";
import { WideTable } from "../../ui/WideTable";
import { words } from "../../words/pipeline";

export function WorkNow({ projectId }: { projectId: number }): ReactNode {
  const held = useInfiniteQuery(heldQuery(projectId));
  const [freeing, setFreeing] = useState<Held | null>(null);
  const items = held.data?.pages.flatMap((page) => page.items);
  return (
    <Stack component="section" aria-labelledby="work-now" gap="sm">
      <Title order={2} id="work-now">
        {words.held.title}
      </Title>
      {held.isPending && <SkeletonRows rows={2} height={36} />}
      {held.error !== null && (
        <ErrorPanel title={words.held.notRead} message={messageOf(held.error)} onRetry={() => void held.refetch()} />
      )}
      {items?.length === 0 && <Text c="dimmed">{words.held.none}</Text>}
      {items !== undefined && items.length > 0 && <HeldTable items={items} onFree={setFreeing} />}
      <MoreButton list={held}>{words.held.more}</MoreButton>
      <Modal opened={freeing !== null} onClose={() => setFreeing(null)} title={freeing === null ? "" : words.held.freeTitle(freeing.file_name)}>
        {freeing !== null && <FreeForm projectId={projectId} held={freeing} onClose={() => setFreeing(null)} />}
      </Modal>
    </Stack>
  );
}

function HeldTable({ items, onFree }: { items: readonly Held[]; onFree: (held: Held) => void }): ReactNode {
  return (
    <WideTable label={words.held.title} minWidth={640}>
      <Table verticalSpacing={4} className="tabular">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.held.photo}</Table.Th>
            <Table.Th>{words.held.stage}</Table.Th>
            <Table.Th>{words.held.holder}</Table.Th>
            <Table.Th>{words.held.since}</Table.Th>
            <Table.Th>{words.held.lease}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{words.held.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((held) => (
            <Table.Tr key={held.work_id} data-held={held.work_id}>
              <Table.Td style={{ overflowWrap: "anywhere" }}>{held.file_name}</Table.Td>
              <Table.Td>{held.is_audit ? words.held.audit(stageName(held.stage)) : stageName(held.stage)}</Table.Td>
              <Table.Td>{held.holder.name}</Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>{moment(held.held_since)}</Table.Td>
              <Table.Td {...(held.has_run_out ? { c: "dimmed" } : {})}>
                {held.has_run_out ? words.held.ranOut(clock(held.lease_until)) : words.held.until(clock(held.lease_until))}
              </Table.Td>
              <Table.Td ta="right">
                <Button
                  size="compact-sm"
                  variant="subtle"
                  onClick={() => onFree(held)}
                  aria-label={words.held.freeOf(held.file_name, held.holder.name)}
                >
                  {words.held.free}
                </Button>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </WideTable>
  );
}

function FreeForm({ projectId, held, onClose }: { projectId: number; held: Held; onClose: () => void }): ReactNode {
  const queryClient = useQueryClient();
  const [reason, setReason] = useState("");
  const free = useMutation({
    mutationFn: () => freeWork(held, reason.trim()),
    onSuccess: () => {
      notifications.show({ message: words.held.freed(held.file_name) });
      onClose();
    },
    onSettled: () => {
      for (const queryKey of [heldKey(projectId), stagesKey(projectId)]) void queryClient.invalidateQueries({ queryKey });
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        free.mutate();
      }}
    >
      <Stack>
        <Text c="dimmed">{words.held.freeText(held.holder.name)}</Text>
        <TextInput
          label={words.reason}
          description={words.held.reasonText}
          data-autofocus
          maxLength={1000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={free.error === null ? null : messageOf(free.error)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button type="submit" loading={free.isPending}>
            {words.held.free}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
