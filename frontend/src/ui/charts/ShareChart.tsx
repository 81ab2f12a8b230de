// What became of proposals in each round: one column each, its parts told apart by colour, by place and in the legend.
import "./charts.css";
import type { ReactNode } from "react";
import { bandMiddles, linear } from "./scale";
import { CHART_MARGIN, ChosenBand } from "./RoundChart";

export interface Part {
  name: string;
  colour: string;
  /** A pattern makes the part readable without colour. */
  isHatched?: boolean;
  values: readonly number[];
}

interface ShareChartProps {
  label: string;
  parts: readonly Part[];
  width: number;
  height?: number;
  chosen: number | null;
}

const WIDEST_COLUMN = 22;

export function ShareChart({ label, parts, width, height = 96, chosen }: ShareChartProps): ReactNode {
  const rounds = parts[0]?.values.length ?? 0;
  const inner = Math.max(0, width - CHART_MARGIN.left - CHART_MARGIN.right);
  const y = linear({ low: 0, high: 1 }, [height - CHART_MARGIN.bottom, CHART_MARGIN.top]);
  const xs = bandMiddles(rounds, inner).map((x) => x + CHART_MARGIN.left);
  return (
    <svg role="img" aria-label={label} width={width} height={height} style={{ display: "block" }}>
      <defs>
        <pattern id="hatch" width={5} height={5} patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line x1={0} y1={0} x2={0} y2={5} stroke="var(--sl-canvas)" strokeWidth={2} />
        </pattern>
      </defs>
      <ChosenBand chosen={chosen} rounds={rounds} inner={inner} height={height} />
      {[0, 0.5, 1].map((tick) => (
        <g key={tick} aria-hidden>
          <line className="chart-grid" x1={CHART_MARGIN.left} x2={CHART_MARGIN.left + inner} y1={y(tick)} y2={y(tick)} />
          <text className="chart-tick" x={CHART_MARGIN.left - 8} y={y(tick) + 4} textAnchor="end">
            {100 * tick} %
          </text>
        </g>
      ))}
      {xs.map((x, round) => (
        <Column key={round} x={x} width={Math.min(WIDEST_COLUMN, (0.8 * inner) / rounds)} parts={parts} round={round} y={y} />
      ))}
    </svg>
  );
}

interface ColumnProps {
  x: number;
  width: number;
  parts: readonly Part[];
  round: number;
  y: (value: number) => number;
}

function Column({ x, width, parts, round, y }: ColumnProps): ReactNode {
  const total = parts.reduce((sum, { values }) => sum + (values[round] ?? 0), 0);
  if (total === 0) return null;
  const below = (part: number): number => parts.slice(0, part).reduce((sum, { values }) => sum + (values[round] ?? 0), 0) / total;
  return (
    <g aria-hidden>
      {parts.map(({ name, colour, isHatched }, i) => {
        const [top, bottom] = [y(below(i + 1)), y(below(i))];
        const box = { x: x - width / 2, y: top, width, height: Math.max(0, bottom - top - 1) };
        return (
          <g key={name}>
            <rect {...box} fill={colour} />
            {isHatched === true && <rect {...box} fill="url(#hatch)" />}
          </g>
        );
      })}
    </g>
  );
}
