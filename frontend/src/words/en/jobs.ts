// Background work of a project.

export const jobs = {
  notRead: "Jobs could not be read",
  none: "No background work yet",
  noneText: "Exports, training runs and other long work appear here with their progress, and stay with their result.",
  times: (value: number) => `, ${value} times`,
  attempt: (attempt: number, of: number) => `, attempt ${attempt} of ${of}`,
  older: "Show older jobs",
  cancel: "Cancel",
  runAgain: "Run again",
};
