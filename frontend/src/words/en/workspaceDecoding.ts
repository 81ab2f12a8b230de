// Where masks are made, in this browser or on the server, and why.

const milliseconds = (value: number | null): string => (value === null ? "" : ` ${Math.round(value)} ms`);

export const workspaceDecoding = {
  decoding: {
    badge: {
      browser: (value: number | null) => `in browser${milliseconds(value)}`,
      server: (value: number | null) => `on server${milliseconds(value)}`,
      closer: (value: number | null) => `closer look${milliseconds(value)}`,
    },
    inBrowser: (modelVersion: string, weights: string) => `Masks are made in this browser, by ${modelVersion} (${weights} weights).`,
    why: {
      starting: "Masks are made on the server until the model is ready in this browser.",
      notIsolated: "Masks are made on the server: this browser does not isolate the page as it should.",
      noWasm: "Masks are made on the server: this browser has no WebAssembly.",
      slow: (value: number) => `Masks are made on the server: this browser takes ${Math.round(value)} ms for one.`,
      failed: (message: string) => `Masks are made on the server: this browser cannot. ${message}`,
    },
    answeredByServer: "The server made this mask.",
    closer: "This part of the photo was encoded for itself, on the server, for a sharper mask.",
    hoverOn: "Preview under the pointer is on",
    hoverOff: "Preview under the pointer is off",
  },
};
