// The numbers of the charts.
import { Stack, Table, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import type { Round } from "../../api/statistics";
import { count, moment } from "../../ui/format";
import { decimal, iou, seconds, withInterval } from "../../ui/measureWords";
import type { Mark } from "../../ui/charts/RoundChart";
import { WideTable } from "../../ui/WideTable";
import { words } from "../../words/flywheel";
import { differenceWords } from "./rounds";

const orDash = (value: number | null, format: (value: number) => string): string => (value === null ? "–" : format(value));

const differenceOrDash = (difference: Mark | undefined, format: (value: number) => string): string =>
  difference === undefined ? "–" : differenceWords({ format }, difference);

type Column = { name: string; cell: (round: Round) => string };

const COLUMNS: readonly Column[] = [
  { name: words.table.masks, cell: ({ masks }) => count(masks) },
  { name: words.table.iou1, cell: ({ run }) => (run === null ? "–" : withInterval(run.iou_1, iou)) },
  { name: words.table.iou3, cell: ({ run }) => (run === null ? "–" : withInterval(run.iou_3, iou)) },
  { name: words.table.iou5, cell: ({ run }) => (run === null ? "–" : withInterval(run.iou_5, iou)) },
  { name: words.table.noc, cell: ({ run }) => (run === null ? "–" : withInterval(run.noc_85, decimal)) },
  { name: words.table.iou1Difference, cell: ({ run }) => differenceOrDash(run?.change?.difference["iou_1"], iou) },
  { name: words.table.nocDifference, cell: ({ run }) => differenceOrDash(run?.change?.difference["noc_85"], decimal) },
  { name: words.table.calibration, cell: ({ run }) => orDash(run?.calibration_error ?? null, iou) },
  { name: words.table.seconds, cell: ({ median_seconds }) => orDash(median_seconds, seconds) },
  { name: words.table.clicks, cell: ({ mean_clicks }) => orDash(mean_clicks, decimal) },
  { name: words.table.masksPerImage, cell: ({ masks_per_image }) => orDash(masks_per_image, decimal) },
  { name: words.table.kept, cell: ({ kept }) => count(kept) },
  { name: words.table.edited, cell: ({ edited }) => count(edited) },
  { name: words.table.rejected, cell: ({ rejected }) => count(rejected) },
  { name: words.table.added, cell: ({ added }) => count(added) },
];

export function RoundTable({ rounds, live }: { rounds: readonly Round[]; live: string | null }): ReactNode {
  return (
    <Stack component="section" aria-labelledby="round-table" gap="sm">
      <div>
        <Title order={2} id="round-table">
          {words.table.title}
        </Title>
        <Text c="dimmed" maw={960}>
          {words.table.text}
        </Text>
      </div>
      <WideTable label={words.rounds} minWidth={1800}>
        <Table verticalSpacing={6} className="tabular" fz={13}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{words.table.round}</Table.Th>
              <Table.Th>{words.table.model}</Table.Th>
              <Table.Th>{words.table.liveSince}</Table.Th>
              {COLUMNS.map(({ name }) => (
                <Table.Th key={name} ta="right">
                  {name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rounds.map((round, i) => (
              <Table.Tr key={i}>
                <Table.Td>{i + 1}</Table.Td>
                <Table.Td style={{ whiteSpace: "nowrap" }}>
                  {round.model_version}
                  {round.model_version === live && words.table.live}
                </Table.Td>
                <Table.Td style={{ whiteSpace: "nowrap" }}>{round.promoted_at === null ? words.table.start : moment(round.promoted_at)}</Table.Td>
                {COLUMNS.map(({ name, cell }) => (
                  <Table.Td key={name} ta="right" style={{ whiteSpace: "nowrap" }}>
                    {cell(round)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </WideTable>
    </Stack>
  );
}
