// Small charts, one under the other, that share one axis of rounds. A round is pointed at by mouse or by its button.
import { Text } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { type PointerEvent, type ReactNode, useState } from "react";
import type { Round } from "../../api/statistics";
import { CHART_MARGIN, RoundChart } from "../../ui/charts/RoundChart";
import { type Part, ShareChart } from "../../ui/charts/ShareChart";
import { percent } from "../../ui/measureWords";
import { words } from "../../words/flywheel";
import { chartLabel, hasProposals, type Measure, MEASURES, readingOf, seriesOf } from "./rounds";

export function Multiples({ rounds, live }: { rounds: readonly Round[]; live: string | null }): ReactNode {
  const { ref, width } = useElementSize();
  const [chosen, setChosen] = useState<number | null>(null);
  const last = rounds.length - 1;
  const shared = { rounds, width, chosen };
  const onPointerMove = (event: PointerEvent<HTMLElement>): void => setChosen(roundAt(event, rounds.length));
  return (
    <div className="multiples tabular" onPointerMove={onPointerMove} onPointerLeave={() => setChosen(null)}>
      {MEASURES.map((measure) => (
        <MeasureRow key={measure.key} measure={measure} {...shared} shown={chosen ?? last} />
      ))}
      <ProposalRow {...shared} shown={chosen ?? last} />
      <div className="multiple multiple-axis">
        <Text size="sm" c="dimmed">
          {words.roundOf((chosen ?? last) + 1, rounds.length)}
        </Text>
        <div ref={ref} data-plot>
          <div
            className="round-buttons"
            role="group"
            aria-label={words.rounds}
            style={{ marginLeft: CHART_MARGIN.left, marginRight: CHART_MARGIN.right }}
          >
            {rounds.map((round, i) => (
              <RoundButton key={i} number={i + 1} round={round} isLive={round.model_version === live} isChosen={i === chosen} onChoose={() => setChosen(i)} />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

/** The round under the pointer; the plots of all rows lie under each other. */
function roundAt({ currentTarget, clientX }: PointerEvent<HTMLElement>, rounds: number): number | null {
  const plot = currentTarget.querySelector("[data-plot]")?.getBoundingClientRect();
  if (plot === undefined) return null;
  const inner = plot.width - CHART_MARGIN.left - CHART_MARGIN.right;
  const round = Math.floor(((clientX - plot.left - CHART_MARGIN.left) / inner) * rounds);
  return round >= 0 && round < rounds ? round : null;
}

interface RoundButtonProps {
  number: number;
  round: Round;
  isLive: boolean;
  isChosen: boolean;
  onChoose: () => void;
}

function RoundButton({ number, round, isLive, isChosen, onChoose }: RoundButtonProps): ReactNode {
  return (
    <button
      type="button"
      className="round-button"
      aria-pressed={isChosen}
      title={round.model_version}
      onClick={onChoose}
      onFocus={onChoose}
    >
      <span>
        <span className="sr-only">{words.beforeNumber}</span>
        {number}
      </span>
      <span className={isLive ? "round-live" : ""}>{isLive ? words.live : words.masks(round.masks)}</span>
      <span className="sr-only">{round.model_version}</span>
    </button>
  );
}

interface RowProps {
  rounds: readonly Round[];
  width: number;
  chosen: number | null;
  /** The round whose numbers stand beside the charts. */
  shown: number;
}

function MeasureRow({ measure, rounds, width, chosen, shown }: RowProps & { measure: Measure }): ReactNode {
  const series = seriesOf(measure, rounds);
  const isEmpty = series.every(({ values }) => values.every((mark) => mark === null));
  const reading = readingOf(measure, rounds, shown);
  return (
    <div className="multiple" data-measure={measure.key}>
      <div>
        <Text size="sm" c="dimmed">
          {measure.title}
        </Text>
        {reading !== null && (
          <Text fz={20} fw={600} lh={1.3}>
            {reading.value}
          </Text>
        )}
        {reading !== null && reading.trend !== null && (
          <Text size="xs" c={trendColour(reading.isBetter)}>
            {reading.trend}
            {reading.isBetter !== null && (reading.isBetter ? words.better : words.worse)}
          </Text>
        )}
        <Text size="xs" c="dimmed">
          {measure.note}
        </Text>
      </div>
      {isEmpty ? (
        <Text size="sm" c="dimmed" ml={CHART_MARGIN.left}>
          {measure.whenEmpty}
        </Text>
      ) : (
        <RoundChart
          label={chartLabel(measure, rounds)}
          series={series}
          unit={measure.unit}
          fromZero={measure.fromZero}
          width={width}
          chosen={chosen}
          height={measure.series.length > 1 ? 160 : 96}
        />
      )}
    </div>
  );
}

function trendColour(isBetter: boolean | null): string {
  if (isBetter === null) return "dimmed";
  return isBetter ? "var(--sl-green)" : "var(--sl-amber)";
}

const PARTS = [
  { key: "kept", colour: "var(--sl-green)", isHatched: false },
  { key: "edited", colour: "var(--sl-accent)", isHatched: false },
  { key: "rejected", colour: "var(--sl-line-strong)", isHatched: true },
] as const;

function ProposalRow({ rounds, width, chosen, shown }: RowProps): ReactNode {
  const parts: Part[] = PARTS.map(({ key, ...look }) => ({ ...look, name: words.proposals.parts[key], values: rounds.map((round) => round[key]) }));
  const here = rounds[shown];
  const judged = here === undefined ? 0 : here.kept + here.edited + here.rejected;
  return (
    <div className="multiple" data-measure="proposals">
      <div>
        <Text size="sm" c="dimmed">
          {words.proposals.title}
        </Text>
        {here !== undefined && judged > 0 && (
          <>
            <Text fz={20} fw={600} lh={1.3}>
              {words.proposals.kept(percent(here.kept / judged, 0))}
            </Text>
            <Text size="xs" c="dimmed">
              {words.proposals.rest(percent(here.edited / judged, 0), percent(here.rejected / judged, 0), judged)} {words.proposals.added(here.added)}
            </Text>
          </>
        )}
        {hasProposals(rounds) && (
          <div className="legend" aria-hidden>
            {PARTS.map(({ key, colour }) => (
              <span key={key}>
                <i style={{ background: colour }} />
                {words.proposals.parts[key]}
              </span>
            ))}
          </div>
        )}
      </div>
      {hasProposals(rounds) ? (
        <ShareChart
          label={words.proposals.chart(rounds.length)}
          parts={parts}
          width={width}
          chosen={chosen}
        />
      ) : (
        <Text size="sm" c="dimmed" ml={CHART_MARGIN.left}>
          {words.proposals.none}
        </Text>
      )}
    </div>
  );
}
