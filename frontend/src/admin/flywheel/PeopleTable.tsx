// How the work goes for each person: medians, in order of name. No ranking.
import { Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { peopleFiguresQuery } from "../../api/statistics";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { count } from "../../ui/format";
import { decimal, seconds } from "../../ui/measureWords";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { WideTable } from "../../ui/WideTable";
import { words } from "../../words/flywheel";

export function PeopleTable({ projectId }: { projectId: number }): ReactNode {
  const figures = useQuery(peopleFiguresQuery(projectId));
  const people = figures.data?.people;
  return (
    <Stack component="section" aria-labelledby="people-figures" gap="sm">
      <div>
        <Title order={2} id="people-figures">
          {words.people.title}
        </Title>
        <Text c="dimmed">{words.people.text}</Text>
      </div>
      {figures.isPending && <SkeletonRows rows={2} height={36} />}
      {figures.error !== null && (
        <ErrorPanel title={words.people.notRead} message={messageOf(figures.error)} onRetry={() => void figures.refetch()} />
      )}
      {people?.length === 0 && <Text c="dimmed">{words.people.none}</Text>}
      {people !== undefined && people.length > 0 && (
        <WideTable label={words.people.title} minWidth={640}>
          <Table verticalSpacing={6} className="tabular" maw={880}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{words.people.person}</Table.Th>
                {words.people.columns.map((name) => (
                  <Table.Th key={name} ta="right">
                    {name}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {people.map((person) => (
                <Table.Tr key={person.id}>
                  <Table.Td>{person.name}</Table.Td>
                  <Table.Td ta="right">{count(person.masks)}</Table.Td>
                  <Table.Td ta="right">{person.median_seconds === null ? "–" : seconds(person.median_seconds)}</Table.Td>
                  <Table.Td ta="right">{person.median_clicks === null ? "–" : decimal(person.median_clicks)}</Table.Td>
                  <Table.Td ta="right">{count(person.kept)}</Table.Td>
                  <Table.Td ta="right">{count(person.edited)}</Table.Td>
                  <Table.Td ta="right">{count(person.rejected)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </WideTable>
      )}
    </Stack>
  );
}
