// Frozen, numbered versions of the masks: what models learn from and are measured on.
import { Anchor, Button, Group, Stack, Table, Text, TextInput, Title, VisuallyHidden } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { makeSnapshot, type Snapshot, snapshotDiffQuery, snapshotsKey, snapshotsQuery, snapshotUrl } from "../../api/training";
import type { Project } from "../../api/types";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { bytes, moment } from "../../ui/format";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { WideTable } from "../../ui/WideTable";
import { words } from "../../words/models";

export function Snapshots({ project }: { project: Project }): ReactNode {
  const snapshots = useQuery(snapshotsQuery(project.id));
  const items = snapshots.data?.items;
  return (
    <Stack component="section" aria-labelledby="snapshots" gap="sm">
      <div>
        <Title order={2} id="snapshots">
          {words.snapshots.title}
        </Title>
        <Text c="dimmed">{words.snapshots.text}</Text>
      </div>
      {snapshots.isPending && <SkeletonRows rows={2} height={40} />}
      {snapshots.error !== null && (
        <ErrorPanel title={words.snapshots.notRead} message={messageOf(snapshots.error)} onRetry={() => void snapshots.refetch()} />
      )}
      {items?.length === 0 && <Text c="dimmed">{words.snapshots.none}</Text>}
      {items !== undefined && items.length > 0 && <SnapshotTable projectId={project.id} items={items} />}
      <NewSnapshot projectId={project.id} isEmpty={project.annotation_count === 0} />
    </Stack>
  );
}

function SnapshotTable({ projectId, items }: { projectId: number; items: readonly Snapshot[] }): ReactNode {
  const part = (counts: Snapshot["counts"], name: string): string =>
    counts === null ? "–" : words.snapshots.part(counts[`${name}_masks`] ?? 0, counts[`${name}_images`] ?? 0);
  return (
    <WideTable label={words.snapshots.title} minWidth={760}>
      <Table verticalSpacing={6} className="tabular">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.snapshots.snapshot}</Table.Th>
            <Table.Th>{words.snapshots.made}</Table.Th>
            <Table.Th ta="right">{words.snapshots.train}</Table.Th>
            <Table.Th ta="right">{words.snapshots.frozen}</Table.Th>
            <Table.Th ta="right">{words.snapshots.size}</Table.Th>
            <Table.Th>{words.snapshots.since}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{words.snapshots.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item, i) => (
            <Table.Tr key={item.id} data-snapshot={item.number}>
              <Table.Td style={{ overflowWrap: "anywhere" }}>
                {item.number}
                {item.note !== "" && (
                  <Text span size="sm" c="dimmed">
                    {words.snapshots.note(item.note)}
                  </Text>
                )}
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }}>{moment(item.created_at)}</Table.Td>
              <Table.Td ta="right">{part(item.counts, "train")}</Table.Td>
              <Table.Td ta="right">{part(item.counts, "frozen")}</Table.Td>
              <Table.Td ta="right">{item.byte_size === null ? "–" : bytes(item.byte_size)}</Table.Td>
              <Table.Td>
                <Difference projectId={projectId} item={item} before={items[i + 1]} />
              </Table.Td>
              <Table.Td ta="right">
                <Take item={item} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </WideTable>
  );
}

function Take({ item }: { item: Snapshot }): ReactNode {
  if (item.job_state === "dead" || item.job_state === "cancelled") {
    return (
      <Text size="sm" c="var(--sl-red)">
        {item.error ?? words.snapshots.notMade}
      </Text>
    );
  }
  if (item.sha256 === null) {
    return (
      <Text size="sm" c="dimmed">
        {words.snapshots.beingMade}
      </Text>
    );
  }
  return (
    <Anchor href={snapshotUrl(item.id)} download underline="always" title={words.snapshots.checksum(item.sha256)} aria-label={words.snapshots.downloadOf(item.number)}>
      {words.snapshots.download}
    </Anchor>
  );
}

interface DifferenceProps {
  projectId: number;
  item: Snapshot;
  before: Snapshot | undefined;
}

/** Asked for by hand: comparing two large snapshots takes the server a while. */
function Difference({ projectId, item, before }: DifferenceProps): ReactNode {
  const [isAsked, setIsAsked] = useState(false);
  const canAsk = before !== undefined && before.sha256 !== null && item.sha256 !== null;
  const diff = useQuery({ ...snapshotDiffQuery(projectId, before?.id ?? 0, item.id), enabled: canAsk && isAsked });
  if (!canAsk) return <Text c="dimmed">–</Text>;
  if (diff.error !== null) return <Text c="var(--sl-red)">{messageOf(diff.error)}</Text>;
  if (diff.data === undefined) {
    return (
      <Button
        size="compact-sm"
        variant="subtle"
        loading={isAsked}
        onClick={() => setIsAsked(true)}
        aria-label={words.snapshots.changesOf(before.number, item.number)}
      >
        {words.snapshots.showChanges}
      </Button>
    );
  }
  const { images, masks } = diff.data;
  return <Text size="sm">{words.snapshots.changes(images, masks)}</Text>;
}

function NewSnapshot({ projectId, isEmpty }: { projectId: number; isEmpty: boolean }): ReactNode {
  const queryClient = useQueryClient();
  const [note, setNote] = useState("");
  const make = useMutation({
    mutationFn: () => makeSnapshot(projectId, note.trim()),
    onSuccess: () => {
      setNote("");
      return queryClient.invalidateQueries({ queryKey: snapshotsKey(projectId) });
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <Group align="flex-end" gap="xs">
        <TextInput
          label={words.snapshots.what}
          placeholder={words.snapshots.example}
          w={320}
          maxLength={2000}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" loading={make.isPending} disabled={isEmpty}>
          {words.snapshots.make}
        </Button>
        {isEmpty && (
          <Text size="sm" c="dimmed" pb={8}>
            {words.snapshots.noMasks}
          </Text>
        )}
      </Group>
      {make.error !== null && (
        <Text role="alert" c="var(--sl-red)" mt="xs">
          {messageOf(make.error)}
        </Text>
      )}
    </form>
  );
}
