// The candidate beside the live version on masks neither has learned from.
import { Group, Stack, Table, Text } from "@mantine/core";
import { IconArrowDownRight, IconArrowUpRight } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Comparison, RunMetrics } from "../../api/training";
import { WideTable } from "../../ui/WideTable";
import { words } from "../../words/models";
import { comparisonRows, type ComparisonRow, detectorFigures } from "./runWords";

export function ComparisonTables({ metrics }: { metrics: RunMetrics }): ReactNode {
  return (
    <Stack gap="lg">
      {metrics.frozen !== null && (
        <ComparisonTable caption={words.comparison.frozen} comparison={metrics.frozen} />
      )}
      {metrics.general !== null && (
        <ComparisonTable caption={words.comparison.general} comparison={metrics.general} />
      )}
      {metrics.detector !== null && metrics.detector !== undefined && <DetectorFigures figures={metrics.detector} />}
    </Stack>
  );
}

function ComparisonTable({ caption, comparison }: { caption: string; comparison: Comparison }): ReactNode {
  const { images, masks } = comparison.candidate;
  return (
    <WideTable label={caption} minWidth={680}>
      <Table verticalSpacing={4} className="tabular" maw={920} captionSide="top">
        <Table.Caption ta="left">
          {words.comparison.caption(caption, masks, images)}
        </Table.Caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{words.comparison.measure}</Table.Th>
            <Table.Th ta="right">{words.comparison.live}</Table.Th>
            <Table.Th ta="right">{words.comparison.candidate}</Table.Th>
            <Table.Th ta="right">{words.comparison.difference}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {comparisonRows(comparison).map((row) => (
            <Table.Tr key={row.measure}>
              <Table.Td>{row.measure}</Table.Td>
              <Table.Td ta="right">{row.live}</Table.Td>
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

function DetectorFigures({ figures }: { figures: Readonly<Record<string, unknown>> }): ReactNode {
  const rows = detectorFigures(figures);
  if (rows.length === 0) return null;
  return (
    <div>
      <Text size="sm" c="dimmed" mb={6}>
        {words.comparison.detector}
      </Text>
      <Table verticalSpacing={4} className="tabular" maw={480}>
        <Table.Tbody>
          {rows.map(({ name, value }) => (
            <Table.Tr key={name}>
              <Table.Th scope="row" fw={400}>
                {name}
              </Table.Th>
              <Table.Td ta="right">{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
