// The rounds of the loop as series and sentences of its charts.
import type { Round } from "../../api/statistics";
import type { Mark, Series } from "../../ui/charts/RoundChart";
import { decimal, iou, seconds, signed } from "../../ui/measureWords";
import { words } from "../../words/flywheel";

export interface Measure {
  key: string;
  title: string;
  /** What the number is, in a few words. */
  note: string;
  /** Names of the series; the first is the one the title's number is of. */
  series: readonly string[];
  /** What each of them shows of a round. */
  picks: readonly ((round: Round) => Mark | number | null)[];
  format: (value: number) => string;
  /** Of the numbers on the axis. */
  unit: string;
  /** Whether the axis begins at zero. */
  fromZero: boolean;
  better: "higher" | "lower";
  whenEmpty: string;
}

export const MEASURES: readonly Measure[] = [
  {
    key: "iou",
    ...words.measures.iou,
    picks: [({ run }) => run?.iou_1 ?? null, ({ run }) => run?.iou_3 ?? null, ({ run }) => run?.iou_5 ?? null],
    format: iou,
    unit: "",
    fromZero: false,
    better: "higher",
  },
  {
    key: "noc",
    ...words.measures.noc,
    picks: [({ run }) => run?.noc_85 ?? null],
    format: decimal,
    unit: "",
    fromZero: true,
    better: "lower",
  },
  {
    key: "seconds",
    ...words.measures.seconds,
    picks: [({ median_seconds }) => median_seconds],
    format: seconds,
    unit: words.secondsUnit,
    fromZero: true,
    better: "lower",
  },
  {
    key: "clicks",
    ...words.measures.clicks,
    picks: [({ mean_clicks }) => mean_clicks],
    format: decimal,
    unit: "",
    fromZero: true,
    better: "lower",
  },
  {
    key: "masks",
    ...words.measures.masks,
    picks: [({ masks_per_image }) => masks_per_image],
    format: decimal,
    unit: "",
    fromZero: true,
    better: "higher",
  },
];

const LOOKS = [
  { colour: "var(--sl-accent)", shape: "disc" },
  { colour: "var(--sl-text)", shape: "square" },
  { colour: "var(--sl-muted)", shape: "diamond" },
] as const satisfies readonly { colour: string; shape: Series["shape"] }[];

const asMark = (value: Mark | number | null): Mark | null =>
  typeof value === "number" ? { value, low: null, high: null } : value;

export function seriesOf(measure: Measure, rounds: readonly Round[]): Series[] {
  return measure.picks.map((pick, i) => {
    const name = measure.series[i] ?? "";
    const { colour, shape } = LOOKS[i % LOOKS.length] ?? LOOKS[0];
    return { name, colour, shape, values: rounds.map((round) => asMark(pick(round))) };
  });
}

export interface Reading {
  value: string;
  /** "+0.021 against round 2"; null without an earlier round to compare with. */
  trend: string | null;
  isBetter: boolean | null;
}

/** A measure's number in a round, beside that of the nearest earlier round that has one. */
export function readingOf(measure: Measure, rounds: readonly Round[], round: number): Reading | null {
  const marks = seriesOf(measure, rounds)[0]?.values ?? [];
  const here = marks[round] ?? null;
  if (here === null) return null;
  const before = marks.slice(0, round).findLastIndex((mark) => mark !== null);
  const earlier = marks[before];
  const value = measure.format(here.value);
  if (earlier === undefined || earlier === null) return { value, trend: null, isBetter: null };
  const change = here.value - earlier.value;
  const isSame = measure.format(Math.abs(change)) === measure.format(0);
  return {
    value,
    trend: isSame ? words.same(before + 1) : words.against(signed(change, measure.format), before + 1),
    isBetter: isSame ? null : change > 0 === (measure.better === "higher"),
  };
}

/** What a screen reader says instead of the picture. */
export function chartLabel(measure: Measure, rounds: readonly Round[]): string {
  const parts = seriesOf(measure, rounds).map(({ name, values }) => {
    const known = values.filter((mark) => mark !== null);
    const [first, last] = [known[0], known.at(-1)];
    if (first === undefined || last === undefined) return words.nothingYet(name);
    return known.length === 1 ? words.once(name, measure.format(first.value)) : words.fromTo(name, measure.format(first.value), measure.format(last.value));
  });
  return words.chart(measure.title, rounds.length, parts);
}

/** Whether people have judged any proposal in these rounds. */
export const hasProposals = (rounds: readonly Round[]): boolean => rounds.some(({ kept, edited, rejected }) => kept + edited + rejected > 0);
