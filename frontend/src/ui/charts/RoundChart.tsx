// One measure over the rounds: dots with their intervals, joined where they can be compared; several series differ by shape and by a name at their end.
import "./charts.css";
import type { ReactNode } from "react";
import { axisOf, bandMiddles, extentOf, linear, pathOf, type Scale } from "./scale";

export interface Mark {
  value: number;
  low: number | null;
  high: number | null;
}

export interface Series {
  name: string;
  colour: string;
  shape: "disc" | "square" | "diamond";
  isJoined: boolean;
  values: readonly (Mark | null)[];
}

export interface RoundChartProps {
  /** What a screen reader says instead of the picture. */
  label: string;
  series: readonly Series[];
  /** Of the numbers on the axis, such as "s". */
  unit: string;
  width: number;
  height?: number;
  /** Whether the axis begins at zero: for times and counts, not for shares near 1. */
  fromZero: boolean;
  /** The round pointed at. */
  chosen: number | null;
}

/** Left: ticks; right: the names of several series. */
export const CHART_MARGIN = { left: 44, right: 64, top: 8, bottom: 8 };

export function RoundChart({ label, series, unit, width, height = 96, fromZero, chosen }: RoundChartProps): ReactNode {
  const rounds = series[0]?.values.length ?? 0;
  const extent = extentOf(series.flatMap(({ values }) => values.flatMap((mark) => [mark?.value, mark?.low, mark?.high])));
  if (extent === null) return null;
  const axis = axisOf(extent, { fromZero, ticks: Math.max(4, Math.round(height / 32)) });
  const inner = Math.max(0, width - CHART_MARGIN.left - CHART_MARGIN.right);
  const y = linear(axis, [height - CHART_MARGIN.bottom, CHART_MARGIN.top]);
  const xs = bandMiddles(rounds, inner).map((x) => x + CHART_MARGIN.left);
  return (
    <svg role="img" aria-label={label} width={width} height={height} style={{ display: "block" }}>
      <ChosenBand chosen={chosen} rounds={rounds} inner={inner} height={height} />
      {axis.ticks.map((tick) => (
        <g key={tick} aria-hidden>
          <line className="chart-grid" x1={CHART_MARGIN.left} x2={CHART_MARGIN.left + inner} y1={y(tick)} y2={y(tick)} />
          <text className="chart-tick" x={CHART_MARGIN.left - 8} y={y(tick) + 4} textAnchor="end">
            {`${tick.toFixed(axis.digits)} ${unit}`.trim()}
          </text>
        </g>
      ))}
      {series.map((one) => (
        <SeriesMarks key={one.name} series={one} xs={xs} y={y} chosen={chosen} />
      ))}
      {series.length > 1 && <EndNames series={series} xs={xs} y={y} height={height} />}
    </svg>
  );
}

interface ChosenBandProps {
  chosen: number | null;
  rounds: number;
  inner: number;
  height: number;
}

export function ChosenBand({ chosen, rounds, inner, height }: ChosenBandProps): ReactNode {
  if (chosen === null || rounds === 0) return null;
  const band = inner / rounds;
  const wide = Math.min(band, 64);
  const x = CHART_MARGIN.left + (chosen + 0.5) * band - wide / 2;
  return <rect className="chart-here" aria-hidden x={x} y={0} width={wide} height={height} rx={4} />;
}

interface SeriesMarksProps {
  series: Series;
  xs: readonly number[];
  y: Scale;
  chosen: number | null;
}

function SeriesMarks({ series: { values, colour, shape, isJoined }, xs, y, chosen }: SeriesMarksProps): ReactNode {
  const points = values.map((mark, i) => ({ x: xs[i] ?? 0, y: mark === null ? null : y(mark.value) }));
  return (
    <g aria-hidden>
      {isJoined && <path className="chart-line" d={pathOf(points)} stroke={colour} />}
      {values.map((mark, i) => {
        const x = xs[i] ?? 0;
        if (mark === null) return null;
        return (
          <g key={i}>
            {mark.low !== null && mark.high !== null && (
              <path className="chart-whisker" d={whisker(x, y(mark.low), y(mark.high))} stroke={colour} />
            )}
            <Dot x={x} y={y(mark.value)} colour={colour} shape={shape} isLarge={i === chosen} />
          </g>
        );
      })}
    </g>
  );
}

const CAP = 4;

/** A line with a cap at each end. */
const whisker = (x: number, low: number, high: number): string =>
  `M${x - CAP} ${low}h${2 * CAP}M${x} ${low}V${high}M${x - CAP} ${high}h${2 * CAP}`;

interface DotProps {
  x: number;
  y: number;
  colour: string;
  shape: Series["shape"];
  isLarge: boolean;
}

function Dot({ x, y, colour, shape, isLarge }: DotProps): ReactNode {
  const r = isLarge ? 4.5 : 3.5;
  if (shape === "disc") return <circle cx={x} cy={y} r={r} fill={colour} />;
  const turn = shape === "diamond" ? `rotate(45 ${x} ${y})` : undefined;
  return <rect x={x - r * 0.9} y={y - r * 0.9} width={1.8 * r} height={1.8 * r} fill={colour} transform={turn} />;
}

const NAME_HEIGHT = 13;

/** The name of each series beside its last value, moved apart where they would cover each other. */
function EndNames({ series, xs, y, height }: { series: readonly Series[]; xs: readonly number[]; y: Scale; height: number }): ReactNode {
  const ends = series
    .map(({ name, colour, values }) => {
      const last = values.findLastIndex((mark) => mark !== null);
      return { name, colour, x: (xs[last] ?? 0) + 10, y: y(values[last]?.value ?? 0) };
    })
    .sort((one, other) => one.y - other.y);
  const places = apart(ends.map((end) => end.y), NAME_HEIGHT, [CHART_MARGIN.top + 4, height - 4]);
  return (
    <g aria-hidden>
      {ends.map(({ name, x }, i) => (
        <text key={name} className="chart-label" x={x} y={(places[i] ?? 0) + 4}>
          {name}
        </text>
      ))}
    </g>
  );
}

/** Rising places at least `gap` apart and within the limits as far as they fit, as near to the wanted ones as that allows. */
export function apart(wanted: readonly number[], gap: number, [low, high]: readonly [number, number]): number[] {
  const places: number[] = [];
  for (const [i, place] of wanted.entries()) places.push(Math.max(place, i === 0 ? low : (places[i - 1] ?? 0) + gap));
  for (let i = places.length - 1, limit = high; i >= 0; i--, limit = (places[i + 1] ?? 0) - gap) {
    places[i] = Math.min(places[i] ?? 0, limit);
  }
  return places;
}
