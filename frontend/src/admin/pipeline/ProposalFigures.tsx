// What people made of the detector's proposals, by its score: which least score saves them most clicks.
import { Button, Stack, Table, Text, Title, VisuallyHidden } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { type ProposalFigures as Figures, proposalFiguresQuery, type ScoreRow } from "../../api/statistics";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { count } from "../../ui/format";
import { decimal, percent, signed, withInterval } from "../../ui/measureWords";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { WideTable } from "../../ui/WideTable";
import { words } from "../../words/proposalFigures";

interface ProposalFiguresProps {
  projectId: number;
  /** The least score in the form, saved or not. */
  minScore: number;
  /** Puts a score into the form; null for those who may not change it. */
  onUse: ((minScore: number) => void) | null;
}

export function ProposalFigures({ projectId, minScore, onUse }: ProposalFiguresProps): ReactNode {
  const figures = useQuery(proposalFiguresQuery(projectId));
  return (
    <Stack component="section" aria-labelledby="proposal-figures" gap="sm">
      <Title order={3} id="proposal-figures">
        {words.title}
      </Title>
      {figures.isPending && <SkeletonRows rows={3} height={28} />}
      {figures.error !== null && (
        <ErrorPanel title={words.notRead} message={messageOf(figures.error)} onRetry={() => void figures.refetch()} />
      )}
      {figures.data !== undefined && (
        <>
          <Text maw={720}>{verdict(figures.data, minScore)}</Text>
          {figures.data.by_score.length > 0 && <Scores figures={figures.data} minScore={minScore} onUse={onUse} />}
        </>
      )}
    </Stack>
  );
}

/** What the figures come to, in a sentence or two. */
export function verdict(figures: Figures, minScore: number): string {
  const { detector_version, proposals, need, clicks_by_hand, best_min_score } = figures;
  if (detector_version === null) return words.noDetector;
  if (proposals < need) return words.tooFew(proposals, need);
  if (clicks_by_hand === null) return words.noneByHand(need);
  const byHand = decimal(clicks_by_hand);
  if (best_min_score === null) return words.savesNothing(byHand, need);
  return best_min_score === minScore ? words.isBest(byHand) : words.best(best_min_score.toFixed(2), byHand);
}

function Scores({ figures: { by_score, best_min_score }, minScore, onUse }: { figures: Figures } & Omit<ProposalFiguresProps, "projectId">): ReactNode {
  return (
    <WideTable label={words.title} minWidth={880}>
      <Table verticalSpacing={4} className="tabular" maw={960} style={{ whiteSpace: "nowrap" }}>
        <Table.Thead>
          <Table.Tr>
            {[words.score, words.proposals, words.kept, words.edited, words.rejected, words.saved, words.savedInAll].map((name) => (
              <Table.Th key={name} ta="right">
                {name}
              </Table.Th>
            ))}
            <Table.Th>
              <VisuallyHidden>{words.actions}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {by_score.map((row) => (
            <Score key={row.min_score} row={row} isBest={row.min_score === best_min_score} isChosen={row.min_score === minScore} onUse={onUse} />
          ))}
        </Table.Tbody>
      </Table>
    </WideTable>
  );
}

interface ScoreProps extends Pick<ProposalFiguresProps, "onUse"> {
  row: ScoreRow;
  isBest: boolean;
  isChosen: boolean;
}

function Score({ row, isBest, isChosen, onUse }: ScoreProps): ReactNode {
  const score = row.min_score.toFixed(2);
  const share = (masks: number): string => percent(masks / row.proposals, 0);
  const saved = row.saved_clicks;
  return (
    <Table.Tr fw={isBest ? 600 : undefined}>
      <Table.Td ta="right">{score}</Table.Td>
      <Table.Td ta="right">{count(row.proposals)}</Table.Td>
      <Table.Td ta="right">{share(row.kept)}</Table.Td>
      <Table.Td ta="right">{share(row.edited)}</Table.Td>
      <Table.Td ta="right">{share(row.rejected)}</Table.Td>
      <Table.Td ta="right">{saved === null ? words.unknown : withInterval(saved, (value) => signed(value, decimal))}</Table.Td>
      <Table.Td ta="right">
        {saved === null ? words.unknown : signed(row.proposals * saved.value, (value) => count(Math.round(value)))}
      </Table.Td>
      <Table.Td>
        {/* One button whether chosen or not, so that the focus stays on it. */}
        {onUse !== null && (
          <Button
            size="compact-sm"
            variant="subtle"
            {...(isChosen ? { "data-disabled": true } : {})}
            aria-disabled={isChosen}
            aria-label={isChosen ? words.chosenScore(score) : words.useScore(score)}
            onClick={() => isChosen || onUse(row.min_score)}
          >
            {isChosen ? words.chosen : words.use}
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
