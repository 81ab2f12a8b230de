// What the page itself says of a call that failed. The server's own refusals come in English, with their code.

export const errors = {
  noAnswer: "The server does not answer. Nothing is lost; try again when it is back.",
  unexplained: (status: number) => `The server answered ${status} without saying why.`,
  /** The sentence for a refusal of the server, which is English. */
  refusal: (_code: string, theirs: string): string => theirs,
  /** Why background work failed, or how it decided: what the server wrote down, which is English. */
  reason: (theirs: string): string => theirs,
  cancelledUpload: "The upload was cancelled.",
};
