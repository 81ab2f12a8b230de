// The rounds of the loop as series and sentences of its charts.
import type { Round, RunFigures } from "../../api/statistics";
import type { Mark, Series } from "../../ui/charts/RoundChart";
import { decimal, iou, seconds, signed, withInterval } from "../../ui/measureWords";
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
  /** Of what is measured on frozen images: the first series beside the version that was live then, on the same masks. */
  pair: ((run: RunFigures) => Pair | null) | null;
}

interface Pair {
  live: number;
  difference: Mark;
}

const pairOf = ({ change }: RunFigures, key: "iou_1" | "noc_85"): Pair | null => {
  const difference = change?.difference[key];
  return change === null || difference === undefined ? null : { live: change.live[key].value, difference };
};

function calibrationPair({ calibration_error: error, change }: RunFigures): Pair | null {
  const live = change?.live.calibration_error ?? null;
  return error === null || live === null ? null : { live, difference: { value: error - live, low: null, high: null } };
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
    pair: (run) => pairOf(run, "iou_1"),
  },
  {
    key: "noc",
    ...words.measures.noc,
    picks: [({ run }) => run?.noc_85 ?? null],
    format: decimal,
    unit: "",
    fromZero: true,
    better: "lower",
    pair: (run) => pairOf(run, "noc_85"),
  },
  {
    key: "calibration",
    ...words.measures.calibration,
    picks: [({ run }) => run?.calibration_error ?? null],
    format: iou,
    unit: "",
    fromZero: true,
    better: "lower",
    pair: calibrationPair,
  },
  {
    key: "seconds",
    ...words.measures.seconds,
    picks: [({ median_seconds }) => median_seconds],
    format: seconds,
    unit: words.secondsUnit,
    fromZero: true,
    better: "lower",
    pair: null,
  },
  {
    key: "clicks",
    ...words.measures.clicks,
    picks: [({ mean_clicks }) => mean_clicks],
    format: decimal,
    unit: "",
    fromZero: true,
    better: "lower",
    pair: null,
  },
  {
    key: "masks",
    ...words.measures.masks,
    picks: [({ masks_per_image }) => masks_per_image],
    format: decimal,
    unit: "",
    fromZero: true,
    better: "higher",
    pair: null,
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
    // Each run has frozen images of its own: a line between two of them would be no trend.
    return { name, colour, shape, isJoined: measure.pair === null, values: rounds.map((round) => asMark(pick(round))) };
  });
}

export interface Reading {
  value: string;
  /** What it is compared with, and by how much it differs; null where there is nothing to compare with. */
  trend: string | null;
  isBetter: boolean | null;
}

/** A measure's number in a round, beside what it can be compared with. */
export function readingOf(measure: Measure, rounds: readonly Round[], round: number): Reading | null {
  const marks = seriesOf(measure, rounds)[0]?.values ?? [];
  const here = marks[round] ?? null;
  if (here === null) return null;
  const value = measure.format(here.value);
  return { value, ...(measure.pair === null ? againstEarlier(measure, marks, rounds, round) : againstLive(measure, rounds, round)) };
}

type Trend = Pick<Reading, "trend" | "isBetter">;
const NOTHING: Trend = { trend: null, isBetter: null };

/** With fewer masks in a round its middle says little of how its people work. */
const ENOUGH_MASKS = 30;

/** People's work: beside that of the nearest earlier round that has some. */
function againstEarlier(measure: Measure, marks: readonly (Mark | null)[], rounds: readonly Round[], round: number): Trend {
  const here = marks[round] ?? null;
  const before = marks.slice(0, round).findLastIndex((mark) => mark !== null);
  const earlier = marks[before] ?? null;
  if (here === null || earlier === null) return NOTHING;
  const change = here.value - earlier.value;
  const isSame = measure.format(Math.abs(change)) === measure.format(0);
  const isEnough = [before, round].every((i) => (rounds[i]?.masks ?? 0) >= ENOUGH_MASKS);
  return {
    trend: isSame ? words.same(before + 1) : words.against(signed(change, measure.format), before + 1),
    isBetter: isSame || !isEnough ? null : change > 0 === (measure.better === "higher"),
  };
}

/** On frozen images: beside the version that was live when it was measured, on the same masks; sure only with an interval. */
function againstLive(measure: Measure, rounds: readonly Round[], round: number): Trend {
  const run = rounds[round]?.run ?? null;
  const pair = run === null ? null : (measure.pair?.(run) ?? null);
  if (run === null || pair === null) return NOTHING;
  const { live, difference } = pair;
  const version = run.change?.model_version ?? null;
  const known = rounds.findIndex(({ model_version }) => model_version === version);
  const rival = known === -1 ? (version ?? words.liveThen) : words.theRound(known + 1);
  return {
    trend: words.paired(differenceWords(measure, difference), rival, measure.format(live)),
    isBetter: sureSide(difference, measure.better),
  };
}

/** "+0.028 (+0.003 to +0.062)"; clicks with a digit more than they are shown with. */
export const differenceWords = ({ format }: Pick<Measure, "format">, difference: Mark): string =>
  withInterval(difference, (value) => signed(value, format === decimal ? (one) => one.toFixed(2) : format));

function sureSide({ low, high }: Mark, better: Measure["better"]): boolean | null {
  if (low === null || high === null || (low <= 0 && high >= 0)) return null;
  return low > 0 === (better === "higher");
}

/** What a screen reader says instead of the picture. */
export function chartLabel(measure: Measure, rounds: readonly Round[]): string {
  const parts = seriesOf(measure, rounds).map(({ name, values }) => {
    const known = values.filter((mark) => mark !== null);
    const [first, last] = [known[0], known.at(-1)];
    if (first === undefined || last === undefined) return words.nothingYet(name);
    return known.length === 1 || measure.pair !== null ? words.once(name, measure.format(last.value)) : words.fromTo(name, measure.format(first.value), measure.format(last.value));
  });
  return words.chart(measure.title, rounds.length, parts);
}

/** Whether people have judged any proposal in these rounds. */
export const hasProposals = (rounds: readonly Round[]): boolean => rounds.some(({ kept, edited, rejected }) => kept + edited + rejected > 0);
