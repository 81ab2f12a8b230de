// What is live now and since when, what was before, and the way back.
import { Button, Group, Stack, Table, Text, Title } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { modelsQuery } from "../../api/jobs";
import { canManage } from "../../api/roles";
import { stagesQuery } from "../../api/stages";
import { type Promotion, promotionsQuery, type RunKind } from "../../api/training";
import type { Project } from "../../api/types";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { moment } from "../../ui/format";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { WideTable } from "../../ui/WideTable";
import { words } from "../../words/models";
import { useLive } from "./live";
import { ReasonDialog, type Step } from "./ReasonDialog";
import { KIND_WORDS } from "./runWords";

export function LiveVersions({ project }: { project: Project }): ReactNode {
  const promotions = useQuery(promotionsQuery(project.id));
  const stages = useQuery(stagesQuery(project.id));
  const { data: models } = useQuery(modelsQuery);
  const [step, setStep] = useState<Step | null>(null);
  const bundled = models?.items.find(({ is_default }) => is_default)?.id ?? null;
  const error = promotions.error ?? stages.error;
  const items = promotions.data?.items ?? [];
  const live = useLive(project.id);
  const again = (): void => void Promise.all([promotions.refetch(), stages.refetch()]);
  return (
    <Stack component="section" aria-labelledby="live" gap="md">
      <Title order={2} id="live">
        {words.live.title}
      </Title>
      {error !== null && (
        <ErrorPanel title={words.live.notRead} message={messageOf(error)} onRetry={again} />
      )}
      {promotions.isPending && <SkeletonRows rows={1} height={120} />}
      {promotions.data !== undefined && live !== null && (
        <div className="live-grid">
          {(["model", "detector"] as const).map((kind) => (
            <LiveCell
              key={kind}
              kind={kind}
              version={live[kind]}
              newest={items.find((promotion) => promotion.kind === kind) ?? null}
              mayRollBack={canManage(project) && promotionsLeft(items, kind) > 0}
              bundled={bundled}
              onRollBack={(to, leavesNone) => setStep({ kind, action: "roll back", from: live[kind], to, leavesNone })}
            />
          ))}
        </div>
      )}
      {items.length > 0 && <History items={items} bundled={bundled} />}
      <ReasonDialog projectId={project.id} step={step} onClose={() => setStep(null)} />
    </Stack>
  );
}

/** How many promotions no rollback has taken back. */
const promotionsLeft = (items: readonly Promotion[], kind: RunKind): number =>
  items.filter((item) => item.kind === kind).reduce((left, { is_rollback }) => left + (is_rollback ? -1 : 1), 0);

interface LiveCellProps {
  kind: RunKind;
  version: string | null;
  newest: Promotion | null;
  bundled: string | null;
  mayRollBack: boolean;
  onRollBack: (to: string | null, leavesNone: boolean) => void;
}

function LiveCell({ kind, version, newest, bundled, mayRollBack, onRollBack }: LiveCellProps): ReactNode {
  const { name, does } = KIND_WORDS[kind];
  return (
    <div className="live-cell" data-live={kind}>
      <Text size="sm" c="dimmed">
        {words.live.kind(name, does)}
      </Text>
      <Text fz={16} fw={600} style={{ overflowWrap: "anywhere" }}>
        {version ?? (kind === "detector" ? words.live.noDetector : words.live.ownModel)}
      </Text>
      <Text size="sm" c="dimmed">
        {sinceWords(kind, newest)}
      </Text>
      {newest !== null && mayRollBack && (
        <Group mt={6}>
          <Button
            size="compact-md"
            variant="default"
            leftSection={<IconArrowBackUp aria-hidden size={16} />}
            onClick={() => {
              // What a second rollback goes back to is not told by the newest entry.
              const to = newest.is_rollback ? null : (newest.from_version ?? (kind === "model" ? bundled : null));
              onRollBack(to, kind === "detector" && !newest.is_rollback && to === null);
            }}
            aria-label={words.live.rollBackOf(name)}
          >
            {words.live.rollBack}
          </Button>
        </Group>
      )}
    </div>
  );
}

function sinceWords(kind: RunKind, newest: Promotion | null): string {
  if (newest !== null) {
    return words.live.since(moment(newest.created_at), newest.is_rollback, newest.author?.name ?? null, newest.reason);
  }
  return kind === "model"
    ? words.live.firstModel
    : words.live.firstDetector;
}

function History({ items, bundled }: { items: readonly Promotion[]; bundled: string | null }): ReactNode {
  return (
    <details>
      <summary>{words.live.history}</summary>
      <WideTable label={words.live.history} minWidth={640}>
        <Table verticalSpacing={6} className="tabular" mt="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{words.live.when}</Table.Th>
              <Table.Th>{words.live.what}</Table.Th>
              <Table.Th>{words.live.version}</Table.Th>
              <Table.Th>{words.live.why}</Table.Th>
              <Table.Th>{words.live.by}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((item) => (
              <Table.Tr key={item.id}>
                <Table.Td style={{ whiteSpace: "nowrap" }}>{moment(item.created_at)}</Table.Td>
                <Table.Td>
                  {words.live.change(KIND_WORDS[item.kind].name, item.is_rollback)}
                </Table.Td>
                <Table.Td>{item.to_version ?? (item.kind === "model" ? (bundled ?? words.live.default) : words.live.none)}</Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{item.reason}</Table.Td>
                <Table.Td>{item.author?.name ?? words.live.gate}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </WideTable>
    </details>
  );
}
