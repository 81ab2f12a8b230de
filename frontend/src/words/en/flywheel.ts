// Whether the loop turns: rounds, their charts and tables, and how the work goes for each person.
import { count, plural } from "../counting";

const afterRun = "Measured on the frozen images once a training run has been evaluated.";
const afterMasks = "Measured once people have drawn masks with this model.";

export const flywheel = {
  notRead: "The rounds could not be read",
  rounds: "Rounds",
  roundsText: "A round begins when a model goes live. Its quality is measured on frozen images; effort and proposals are those of people who worked with it.",
  none: "The flywheel has not begun to turn",
  noneText: "Each retrained model makes a round here: how good it is, how fast people work with it, what they keep of its proposals. The first round begins with the first kept mask.",
  showModels: "Show models",

  measures: {
    iou: { title: "Mean IoU", note: "after 1, 3 and 5 clicks, on each run's frozen images", whenEmpty: afterRun, series: ["1 click", "3 clicks", "5 clicks"] },
    noc: { title: "Clicks to IoU 0.85", note: "mean, on each run's frozen images", whenEmpty: afterRun, series: ["clicks"] },
    calibration: {
      title: "Error of the predicted IoU",
      note: "how far it is off on average, on each run's frozen images",
      whenEmpty: afterRun,
      series: ["error"],
    },
    seconds: { title: "Seconds per mask", note: "median of the masks people drew", whenEmpty: afterMasks, series: ["median"] },
    clicks: { title: "Clicks per mask", note: "mean of the masks people drew", whenEmpty: afterMasks, series: ["mean"] },
    masks: {
      title: "Masks per image",
      note: "mean of finished images",
      whenEmpty: "Measured once an image has been finished with this model.",
      series: ["mean"],
    },
  },
  secondsUnit: "s",
  roundOf: (round: number, rounds: number) => `Round ${round} of ${count(rounds)}`,
  beforeNumber: "Round ",
  live: "live",
  masks: (value: number) => plural(value, "mask"),
  same: (round: number) => `as round ${round}`,
  against: (change: string, round: number) => `${change} against round ${round}`,
  paired: (difference: string, rival: string, live: string) => `${difference} against ${rival}, ${live} on the same masks`,
  theRound: (round: number) => `round ${round}`,
  liveThen: "the version live then",
  better: ", better",
  worse: ", worse",
  nothingYet: (series: string) => `${series}: nothing yet`,
  once: (series: string, value: string) => `${series} ${value}`,
  fromTo: (series: string, first: string, last: string) => `${series} from ${first} to ${last}`,
  chart: (title: string, rounds: number, series: readonly string[]) =>
    `${title} over ${rounds} rounds: ${series.join("; ")}. The numbers are in the table below.`,

  proposals: {
    title: "Proposals",
    parts: { kept: "kept", edited: "corrected", rejected: "rejected" },
    kept: (share: string) => `${share} kept`,
    rest: (edited: string, rejected: string, judged: number) => `${edited} corrected, ${rejected} rejected of ${count(judged)};`,
    added: (masks: number) => `${plural(masks, "mask")} added`,
    chart: (rounds: number) => `What became of proposals in ${rounds} rounds. The numbers are in the table below.`,
    none: "No proposal has been judged yet. They come with the semi-automatic stage.",
  },

  table: {
    title: "The same as a table",
    text:
      "IoU and clicks to IoU 0.85 are means over the frozen images of each run with their 95 % intervals. Every run has more of them, so versions are compared by the difference to the version that was live, on the same masks.",
    round: "Round",
    model: "Model",
    liveSince: "Live since",
    live: " (live)",
    start: "The start",
    masks: "Masks",
    iou1: "IoU, 1 click",
    iou3: "3 clicks",
    iou5: "5 clicks",
    noc: "Clicks to 0.85",
    iou1Difference: "IoU, 1 click, difference",
    nocDifference: "Clicks to 0.85, difference",
    calibration: "Error of predicted IoU",
    seconds: "Time, median",
    clicks: "Clicks, mean",
    masksPerImage: "Masks per image",
    kept: "Kept",
    edited: "Corrected",
    rejected: "Rejected",
    added: "Added",
  },

  people: {
    title: "People",
    text: "In order of name. Times differ with the photos somebody was lent; they rank nobody.",
    notRead: "The figures could not be read",
    none: "Nobody has kept a mask yet.",
    person: "Person",
    columns: ["Masks", "Time, median", "Clicks, median", "Proposals kept", "Corrected", "Rejected"],
  },
};
