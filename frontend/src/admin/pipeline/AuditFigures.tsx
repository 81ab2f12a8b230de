// How good the automatic masks are: shares of an audited sample with their 95 % intervals, and what other thresholds would keep.
import { Group, Select, Stack, Table, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import type { StagePolicy } from "../../api/stages";
import { type Audit, auditQuery, type Share } from "../../api/statistics";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { count } from "../../ui/format";
import { percent, withInterval } from "../../ui/measureWords";
import { WideTable } from "../../ui/WideTable";
import { words } from "../../words/pipeline";

interface AuditFiguresProps {
  projectId: number;
  policy: StagePolicy | null;
}

export function AuditFigures({ projectId, policy }: AuditFiguresProps): ReactNode {
  const [chosen, setChosen] = useState<string | null>(null);
  const audit = useQuery(auditQuery(projectId, chosen));
  return (
    <Stack component="section" aria-labelledby="audit" gap="sm">
      <Title order={2} id="audit">
        {words.audit.title}
      </Title>
      {audit.error !== null && (
        <ErrorPanel title={words.audit.notRead} message={messageOf(audit.error)} onRetry={() => void audit.refetch()} />
      )}
      {audit.data !== undefined && <Version audit={audit.data} onChoose={setChosen} />}
      {audit.data?.masks === 0 && (
        <Text c="dimmed" maw={640}>
          {words.audit.none(audit.data.need)}
        </Text>
      )}
      {audit.data !== undefined && audit.data.masks > 0 && <Figures audit={audit.data} policy={policy} />}
    </Stack>
  );
}

/** Whose masks the figures are of; a choice where masks of several versions are there. */
function Version({ audit: { model_version, versions }, onChoose }: { audit: Audit; onChoose: (version: string) => void }): ReactNode {
  if (model_version === null) return null;
  if (versions.length < 2) return <Text c="dimmed">{words.audit.masksOf(model_version)}</Text>;
  const options = versions.map((version, i) => ({ value: version, label: i === 0 ? words.audit.decides(version) : version }));
  return (
    <Select
      label={words.audit.version}
      data={options}
      value={model_version}
      allowDeselect={false}
      onChange={(version) => version !== null && onChoose(version)}
      w={320}
    />
  );
}

function Figures({ audit, policy }: { audit: Audit; policy: StagePolicy | null }): ReactNode {
  const notYet = audit.masks >= audit.need ? words.audit.notPassed : words.audit.missing(audit.masks, audit.need);
  const verdict = audit.is_passed ? words.audit.passed : notYet;
  return (
    <>
      <Text className="tabular" style={{ display: "flex", gap: 6 }}>
        {audit.is_passed ? (
          <IconCircleCheck aria-hidden size={18} color="var(--sl-green)" style={{ flex: "none" }} />
        ) : (
          <IconAlertTriangle aria-hidden size={18} color="var(--sl-amber)" style={{ flex: "none" }} />
        )}
        {words.audit.found(verdict, audit)}
      </Text>
      <Group gap={40} align="flex-start">
        <ShareFigure title={words.audit.above75} share={audit.share_75} wanted={policy?.exit.audit_min_share_75 ?? null} />
        <ShareFigure title={words.audit.above90} share={audit.share_90} wanted={policy?.exit.audit_min_share_90 ?? null} />
      </Group>
      {audit.by_threshold.length > 0 && <Thresholds audit={audit} />}
    </>
  );
}

/** A share on a line from 0 to 100 %: a dot, its interval, and where it should be. */
function ShareFigure({ title, share: { value, low, high }, wanted }: { title: string; share: Share; wanted: number | null }): ReactNode {
  if (value === null) return null;
  const at = (share: number): string => `${100 * share}%`;
  return (
    <div style={{ width: 320 }} className="tabular">
      <Group justify="space-between" align="baseline">
        <Text size="sm" c="dimmed">
          {title}
        </Text>
        <Text fw={600}>{percent(value)}</Text>
      </Group>
      <svg width="100%" height={16} aria-hidden style={{ display: "block", margin: "2px 0" }}>
        <line x1="0" x2="100%" y1={8} y2={8} className="chart-grid" stroke="var(--sl-line-strong)" />
        {low !== null && high !== null && <line x1={at(low)} x2={at(high)} y1={8} y2={8} stroke="var(--sl-accent)" strokeWidth={4} />}
        {wanted !== null && <line x1={at(wanted)} x2={at(wanted)} y1={1} y2={15} stroke="var(--sl-text)" strokeWidth={1.5} />}
        <circle cx={at(value)} cy={8} r={4} fill="var(--sl-accent)" />
      </svg>
      <Text size="sm" c="dimmed">
        {low !== null && high !== null ? words.audit.interval(percent(low), percent(high)) : words.audit.noInterval}
        {wanted !== null && words.audit.wanted(percent(wanted, 0))}
      </Text>
    </div>
  );
}

function Thresholds({ audit }: { audit: Audit }): ReactNode {
  const share = ({ value, low, high }: Share): string =>
    value === null ? words.audit.noShare : withInterval({ value, low, high }, (part) => percent(part, 0));
  return (
    <details>
      <summary>{words.audit.thresholds}</summary>
      <WideTable label={words.audit.thresholds} minWidth={640}>
        <Table verticalSpacing={4} className="tabular" maw={880} mt="xs" style={{ whiteSpace: "nowrap" }}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th ta="right">{words.audit.predictedIou}</Table.Th>
              <Table.Th ta="right">{words.audit.stability}</Table.Th>
              <Table.Th ta="right">{words.audit.masks}</Table.Th>
              <Table.Th ta="right">{words.audit.kept}</Table.Th>
              <Table.Th ta="right">{words.audit.short75}</Table.Th>
              <Table.Th ta="right">{words.audit.short90}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {audit.by_threshold.map((row) => (
              <Table.Tr key={`${row.pred_iou_thresh}/${row.stability_score_thresh}`}>
                <Table.Td ta="right">{row.pred_iou_thresh.toFixed(2)}</Table.Td>
                <Table.Td ta="right">{row.stability_score_thresh.toFixed(2)}</Table.Td>
                <Table.Td ta="right">{count(row.masks)}</Table.Td>
                <Table.Td ta="right">{percent(row.kept_share, 0)}</Table.Td>
                <Table.Td ta="right">{share(row.share_75)}</Table.Td>
                <Table.Td ta="right">{share(row.share_90)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </WideTable>
    </details>
  );
}
