// A measure over the steps of a run while it goes on: every value faint, their smoothed course strong.
import "./charts.css";
import { useElementSize } from "@mantine/hooks";
import type { ReactNode } from "react";
import { words } from "../../words/ui";
import { axisOf, extentOf, linear, pathOf, smooth, thin } from "./scale";

interface CurveProps {
  title: string;
  points: readonly { x: number; y: number }[];
  /** Where the axis ends: the steps planned. */
  end: number;
  format: (value: number) => string;
  height?: number;
}

const LIMIT = 240;
const KEEP = 0.85;
const MARGIN = { left: 44, right: 12, top: 8, bottom: 20 };

export function Curve({ title, points, end, format, height = 120 }: CurveProps): ReactNode {
  const { ref, width } = useElementSize();
  const few = thin(points, LIMIT);
  const course = smooth(few, KEEP);
  const extent = extentOf(few.map(({ y }) => y));
  const last = course.at(-1);
  if (extent === null || last === undefined) return null;
  const axis = axisOf(extent);
  const x = linear({ low: 0, high: Math.max(end, last.x, 1) }, [MARGIN.left, Math.max(MARGIN.left, width - MARGIN.right)]);
  const y = linear(axis, [height - MARGIN.bottom, MARGIN.top]);
  const place = (point: { x: number; y: number }): { x: number; y: number } => ({ x: x(point.x), y: y(point.y) });
  const label = words.curve(title, format(last.y), Math.round(points.at(-1)?.x ?? 0), end);
  return (
    <figure style={{ margin: 0, flex: 1, minWidth: 240 }}>
      <figcaption className="tabular" style={{ fontSize: 12, color: "var(--sl-muted)" }}>
        {title} <span style={{ color: "var(--sl-text)" }}>{format(last.y)}</span>
      </figcaption>
      <div ref={ref}>
        <svg role="img" aria-label={label} width={width} height={height} style={{ display: "block" }}>
          {axis.ticks.map((tick) => (
            <g key={tick} aria-hidden>
              <line className="chart-grid" x1={MARGIN.left} x2={width - MARGIN.right} y1={y(tick)} y2={y(tick)} />
              <text className="chart-tick" x={MARGIN.left - 8} y={y(tick) + 4} textAnchor="end">
                {tick.toFixed(axis.digits)}
              </text>
            </g>
          ))}
          <g aria-hidden>
            <path className="chart-line" d={pathOf(few.map(place))} stroke="var(--sl-line-strong)" opacity={0.45} />
            <path className="chart-line" d={pathOf(course.map(place))} stroke="var(--sl-accent)" />
            <circle cx={x(last.x)} cy={y(last.y)} r={3.5} fill="var(--sl-accent)" />
            <text className="chart-tick" x={MARGIN.left} y={height - 4}>
              {words.firstStep}
            </text>
            <text className="chart-tick" x={width - MARGIN.right} y={height - 4} textAnchor="end">
              {end}
            </text>
          </g>
        </svg>
      </div>
    </figure>
  );
}
