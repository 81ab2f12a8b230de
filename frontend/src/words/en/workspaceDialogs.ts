// The dialogs of the workspace, the list of actions, and the first minute.

export const workspaceDialogs = {
  skipDialog: {
    title: "Skip this photo",
    reason: "Why",
    reasons: {
      nothing: "Nothing to annotate",
      blurred: "Too blurred",
      duplicate: "A duplicate",
      elsewhere: "Not what this project is about",
    },
    skip: "Skip photo",
    cancel: "Stay",
  },

  sendBackDialog: {
    title: "Send this photo back",
    reason: "What should be changed",
    why: (mask: number | null) =>
      mask === null
        ? "The annotator reads it above the photo. Select a mask first if it is about that one."
        : `The annotator reads it above the photo, and with mask ${mask}.`,
    send: "Send back",
    cancel: "Leave it",
  },

  refusedDialog: {
    title: "Masks that are not saved",
    why: "They are kept in this browser until you decide.",
    again: "Try again",
    giveUp: "Drop my version",
    download: "Download",
    close: "Later",
    of: (fileName: string) => `on ${fileName}`,
    conflict: "Somebody else changed this mask meanwhile. Both versions are kept on the server.",
    mine: "Use mine",
    theirs: "Use theirs",
    mineIs: "Yours",
    theirsIs: "Theirs",
    describe: (area: string, category: string) => `${area}, ${category}`,
    removal: "You deleted it.",
    theirRemoval: "They deleted it.",
    undecided: "A proposal, undecided",
  },

  keysDialog: {
    title: "Keys",
    how: "Press a row to give it another key.",
    press: "Press the new key",
    stop: "Esc leaves it as it is",
    none: "no key",
    reserved: (chord: string) => `${chord} belongs to the browser or to moving about the page. Press another one.`,
    taken: (chord: string, other: string) => `${chord} does this now: ${other}.`,
    swap: "Swap the two",
    leave: "Leave as it was",
    bound: (does: string, chord: string) => `${chord}: ${does}`,
    reset: "Reset",
    resetOf: (does: string) => `Reset the key of: ${does}`,
    resetAll: "Reset all keys",
    single: "Keys without Ctrl or Alt",
    singleWhat: "Letters, digits and signs alone. Switch them off if you dictate or hit keys by accident; everything stays in the list of actions ([[Ctrl+K]]).",
    pointer: "With the pointer",
  },

  commands: {
    title: "All actions",
    placeholder: "What do you want to do?",
    none: "No action has this name.",
    images: "Images",
    pages: "Pages of the project",
    help: "Help",
    goTo: (fileName: string) => `Go to ${fileName}`,
    tour: "Show me around",
  },

  tour: {
    heading: "A first mask",
    of: (step: number, steps: number) => `${step} of ${steps}`,
    steps: {
      click: "Click an object in the photo, or drag a box around it. The model draws its mask. On keys: arrows, then",
      correct: "Is something missing? Click it. Right-click what is too much. On keys:",
      keep: "Keep the mask once it is right:",
      undo: "Everything can be undone. Try it; redo brings it back:",
      finish: "Mask the rest in the same way, then finish the photo:",
    },
    close: "Skip these hints",
    done: "Got it",
  },
};
