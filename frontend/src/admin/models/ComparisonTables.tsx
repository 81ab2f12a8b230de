// The candidate beside the live version on masks neither has learned from.
import { Group, Stack, Table } from "@mantine/core";
import { IconArrowDownRight, IconArrowUpRight } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Comparison, DetectorMetrics, RunMetrics } from "../../api/training";
import { WideTable } from "../../ui/WideTable";
import { words } from "../../words/models";
import { comparisonRows, type ComparisonRow, detectorRows } from "./runWords";

export function ComparisonTables({ metrics }: { metrics: RunMetrics }): ReactNode {
  return (
    <Stack gap="lg">
      {metrics.frozen !== null && <Clicks what={words.comparison.frozen} comparison={metrics.frozen} />}
      {metrics.general !== null && <Clicks what={words.comparison.general} comparison={metrics.general} />}
      {metrics.detector && <Boxes metrics={metrics.detector} />}
    </Stack>
  );
}

function Clicks({ what, comparison }: { what: string; comparison: Comparison }): ReactNode {
  const { images, masks } = comparison.candidate;
  return <ComparisonTable label={what} caption={words.comparison.caption(what, masks, images)} rows={comparisonRows(comparison)} />;
}

function Boxes({ metrics }: { metrics: DetectorMetrics }): ReactNode {
  const what = words.comparison.detector;
  return <ComparisonTable label={what} caption={words.comparison.boxes(what, metrics.boxes, metrics.pictures)} rows={detectorRows(metrics)} />;
}

function ComparisonTable({ label, caption, rows }: { label: string; caption: string; rows: readonly ComparisonRow[] }): ReactNode {
  return (
    <WideTable label={label} minWidth={680}>
      <Table verticalSpacing={4} className="tabular" maw={920} captionSide="top">
        <Table.Caption ta="left">{caption}</Table.Caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.comparison.measure}</Table.Th>
            <Table.Th ta="right">{words.comparison.live}</Table.Th>
            <Table.Th ta="right">{words.comparison.candidate}</Table.Th>
            <Table.Th ta="right">{words.comparison.difference}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.measure}>
              <Table.Td>{row.measure}</Table.Td>
              <Table.Td ta="right">{row.live ?? "–"}</Table.Td>
              <Table.Td ta="right">{row.candidate}</Table.Td>
              <Table.Td ta="right">
                <Difference row={row} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </WideTable>
  );
}

function Difference({ row: { difference, isBetter } }: { row: ComparisonRow }): ReactNode {
  if (difference === null) return "–";
  const Icon = isBetter === true ? IconArrowUpRight : IconArrowDownRight;
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      {isBetter !== null && (
        <Icon aria-label={isBetter ? words.comparison.better : words.comparison.worse} size={16} color={isBetter ? "var(--sl-green)" : "var(--sl-red)"} />
      )}
      <span>{difference}</span>
    </Group>
  );
}
