// What proposals saved people, by the detector's score.
import { plural } from "../counting";

export const proposalFigures = {
  title: "Which score saves most clicks",
  notRead: "The figures of the proposals could not be read",
  noDetector: "There is no detector yet. A detector run, under Models, makes one.",
  tooFew: (proposals: number, need: number) =>
    `Needs ${need} decided proposals of this detector; ${plural(proposals, "proposal")} so far.`,
  noneByHand: (need: number) => `Needs ${need} masks that people drew with the model, to compare with.`,
  savesNothing: (byHand: string, need: number) =>
    `By hand a mask takes ${byHand} clicks. At no score with ${need} decided proposals or more did they save clicks: more masks make a better detector.`,
  isBest: (byHand: string) =>
    `By hand a mask takes ${byHand} clicks. The score in the form saves most. At most so much: a detector finds the easier objects.`,
  best: (score: string, byHand: string) =>
    `By hand a mask takes ${byHand} clicks. Proposals from ${score} on would have saved most. At most so much: a detector finds the easier objects.`,
  score: "Score from",
  proposals: "Proposals",
  kept: "Kept",
  edited: "Corrected",
  rejected: "Rejected",
  saved: "Clicks saved each",
  savedInAll: "Clicks saved in all",
  unknown: "not known yet",
  chosen: "In the form",
  use: "Use",
  chosenScore: (score: string) => `A score of ${score} is in the form`,
  actions: "Use",
  useScore: (score: string) => `Use a score of ${score}`,
};
