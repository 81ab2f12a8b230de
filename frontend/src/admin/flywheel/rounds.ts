// The rounds of the loop as series and sentences of its charts.
import type { Round } from "../../api/statistics";
import type { Mark, Series } from "../../ui/charts/RoundChart";
import { decimal, iou, seconds, signed } from "../../ui/measureWords";

export interface Measure {
  key: string;
  title: string;
  /** What the number is, in a few words. */
  note: string;
  /** The first series is the one the title's number is of. */
  series: readonly { name: string; pick: (round: Round) => Mark | number | null }[];
  format: (value: number) => string;
  /** Of the numbers on the axis. */
  unit: string;
  /** Whether the axis begins at zero. */
  fromZero: boolean;
  better: "higher" | "lower";
  whenEmpty: string;
}

const AFTER_A_RUN = "Measured on the frozen images once a training run has been evaluated.";
const AFTER_MASKS = "Measured once people have kept masks with this model.";

export const MEASURES: readonly Measure[] = [
  {
    key: "iou",
    title: "Mean IoU",
    note: "after 1, 3 and 5 clicks, on frozen images",
    series: [
      { name: "1 click", pick: ({ run }) => run?.iou_1 ?? null },
      { name: "3 clicks", pick: ({ run }) => run?.iou_3 ?? null },
      { name: "5 clicks", pick: ({ run }) => run?.iou_5 ?? null },
    ],
    format: iou,
    unit: "",
    fromZero: false,
    better: "higher",
    whenEmpty: AFTER_A_RUN,
  },
  {
    key: "noc",
    title: "Clicks to IoU 0.85",
    note: "mean, on frozen images",
    series: [{ name: "clicks", pick: ({ run }) => run?.noc_85 ?? null }],
    format: decimal,
    unit: "",
    fromZero: true,
    better: "lower",
    whenEmpty: AFTER_A_RUN,
  },
  {
    key: "seconds",
    title: "Seconds per mask",
    note: "median of people's masks",
    series: [{ name: "median", pick: ({ median_seconds }) => median_seconds }],
    format: seconds,
    unit: "s",
    fromZero: true,
    better: "lower",
    whenEmpty: AFTER_MASKS,
  },
  {
    key: "clicks",
    title: "Clicks per mask",
    note: "mean of people's masks",
    series: [{ name: "mean", pick: ({ mean_clicks }) => mean_clicks }],
    format: decimal,
    unit: "",
    fromZero: true,
    better: "lower",
    whenEmpty: AFTER_MASKS,
  },
  {
    key: "masks",
    title: "Masks per image",
    note: "mean of finished images",
    series: [{ name: "mean", pick: ({ masks_per_image }) => masks_per_image }],
    format: decimal,
    unit: "",
    fromZero: true,
    better: "higher",
    whenEmpty: "Measured once an image has been finished with this model.",
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
  return measure.series.map(({ name, pick }, i) => {
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
    trend: isSame ? `as round ${before + 1}` : `${signed(change, measure.format)} against round ${before + 1}`,
    isBetter: isSame ? null : change > 0 === (measure.better === "higher"),
  };
}

/** What a screen reader says instead of the picture. */
export function chartLabel(measure: Measure, rounds: readonly Round[]): string {
  const parts = seriesOf(measure, rounds).map(({ name, values }) => {
    const known = values.filter((mark) => mark !== null);
    const [first, last] = [known[0], known.at(-1)];
    if (first === undefined || last === undefined) return `${name}: nothing yet`;
    return known.length === 1 ? `${name} ${measure.format(first.value)}` : `${name} from ${measure.format(first.value)} to ${measure.format(last.value)}`;
  });
  return `${measure.title} over ${rounds.length} rounds: ${parts.join("; ")}. The numbers are in the table below.`;
}

/** Whether people have judged any proposal in these rounds. */
export const hasProposals = (rounds: readonly Round[]): boolean => rounds.some(({ kept, edited, rejected }) => kept + edited + rejected > 0);
