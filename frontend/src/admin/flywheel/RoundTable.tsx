// The numbers of the charts.
import { Stack, Table, Title } from "@mantine/core";
import type { ReactNode } from "react";
import type { Round } from "../../api/statistics";
import { count, moment } from "../../ui/format";
import { decimal, iou, seconds, withInterval } from "../../ui/measureWords";
import { WideTable } from "../../ui/WideTable";

const orDash = (value: number | null, format: (value: number) => string): string => (value === null ? "–" : format(value));

type Column = { name: string; cell: (round: Round) => string };

const COLUMNS: readonly Column[] = [
  { name: "Masks", cell: ({ masks }) => count(masks) },
  { name: "IoU, 1 click", cell: ({ run }) => (run === null ? "–" : withInterval(run.iou_1, iou)) },
  { name: "3 clicks", cell: ({ run }) => (run === null ? "–" : withInterval(run.iou_3, iou)) },
  { name: "5 clicks", cell: ({ run }) => (run === null ? "–" : withInterval(run.iou_5, iou)) },
  { name: "Clicks to 0.85", cell: ({ run }) => (run === null ? "–" : withInterval(run.noc_85, decimal)) },
  { name: "Time, median", cell: ({ median_seconds }) => orDash(median_seconds, seconds) },
  { name: "Clicks, mean", cell: ({ mean_clicks }) => orDash(mean_clicks, decimal) },
  { name: "Masks per image", cell: ({ masks_per_image }) => orDash(masks_per_image, decimal) },
  { name: "Kept", cell: ({ kept }) => count(kept) },
  { name: "Corrected", cell: ({ edited }) => count(edited) },
  { name: "Rejected", cell: ({ rejected }) => count(rejected) },
  { name: "Added", cell: ({ added }) => count(added) },
];

export function RoundTable({ rounds, live }: { rounds: readonly Round[]; live: string | null }): ReactNode {
  return (
    <Stack component="section" aria-labelledby="round-table" gap="sm">
      <Title order={2} id="round-table">
        The same as a table
      </Title>
      <WideTable label="Rounds" minWidth={1400}>
        <Table verticalSpacing={6} className="tabular" fz={13} captionSide="top">
          <Table.Caption ta="left">IoU and clicks to IoU 0.85 are means over frozen images with their 95 % intervals.</Table.Caption>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Round</Table.Th>
              <Table.Th>Model</Table.Th>
              <Table.Th>Live since</Table.Th>
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
                  {round.model_version === live && " (live)"}
                </Table.Td>
                <Table.Td style={{ whiteSpace: "nowrap" }}>{round.promoted_at === null ? "The start" : moment(round.promoted_at)}</Table.Td>
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
