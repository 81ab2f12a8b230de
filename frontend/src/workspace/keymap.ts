// Every key of the workspace: what it does, how the sheet shows it. Matched by the label on the key; where the layout has
// no Latin letters, by its place.
import { untouchedBase } from "../canvas/document";
import type { Session } from "./session";
import type { Stage } from "./stage";
import { docOf, reviewIn, type WorkspaceState } from "./state";

interface Context {
  readonly session: Session;
  readonly stage: Stage;
}

export const GROUPS = ["Prompts", "Masks", "Review", "Photo", "View"] as const;

export interface Key {
  /** As pressed: modifiers in the order Ctrl+Shift, then the key. */
  readonly keys: readonly string[];
  readonly group: (typeof GROUPS)[number];
  readonly does: string;
  readonly run: (context: Context, event: KeyboardEvent) => void;
  /** Goes on while the key is held. */
  readonly repeats?: boolean;
}

const ARROW_STEP_PX = 4;
const LONG_ARROW_STEP_PX = 40;
const FILTER_STEP = 0.05;
const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  arrowleft: [-1, 0],
  arrowright: [1, 0],
  arrowup: [0, -1],
  arrowdown: [0, 1],
};

export const KEYMAP: readonly Key[] = [
  { keys: ["S"], group: "Prompts", does: "point and box tool", run: ({ session }) => session.store.setState({ tool: "point" }) },
  { keys: ["1"], group: "Prompts", does: "first mask of the answer", run: ({ session }) => session.editing.choose(0) },
  { keys: ["2"], group: "Prompts", does: "second mask", run: ({ session }) => session.editing.choose(1) },
  { keys: ["3"], group: "Prompts", does: "third mask", run: ({ session }) => session.editing.choose(2) },
  { keys: ["Backspace"], group: "Prompts", does: "take back the last prompt", repeats: true, run: ({ session }) => session.editing.takeBackPrompt() },
  { keys: ["Escape"], group: "Prompts", does: "end the gesture, then clear the prompts", run: escape },
  { keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"], group: "Prompts", does: "move the crosshair (Shift: ten times as far)", repeats: true, run: moveCrosshair },
  { keys: ["F"], group: "Prompts", does: "point on the object, at crosshair or pointer", run: ({ stage }) => stage.placePoint(1) },
  { keys: ["G"], group: "Prompts", does: "point off the object", run: ({ stage }) => stage.placePoint(0) },
  { keys: ["X"], group: "Prompts", does: "corner of a box; again: the other corner", run: ({ stage }) => stage.markCorner() },
  { keys: ["Enter"], group: "Masks", does: "keep the mask; with none, accept the proposal", run: ({ session }) => session.editing.keep() },
  { keys: ["V"], group: "Masks", does: "select tool", run: ({ session }) => session.store.setState({ tool: "select" }) },
  { keys: ["Delete"], group: "Masks", does: "delete or reject the selected mask", run: removeMask },
  { keys: ["R"], group: "Masks", does: "refine the selected mask with more clicks", run: ({ session }) => session.editing.refine() },
  { keys: ["M"], group: "Masks", does: "hide or show the masks", run: ({ session }) => session.store.setState(({ areMasksHidden }) => ({ areMasksHidden: !areMasksHidden })) },
  { keys: ["Ctrl+Z"], group: "Masks", does: "undo", repeats: true, run: ({ session }) => session.editing.undo() },
  { keys: ["Ctrl+Shift+Z", "Ctrl+Y"], group: "Masks", does: "redo", repeats: true, run: ({ session }) => session.editing.redo() },
  { keys: ["A"], group: "Review", does: "accept the proposal, go to the next", run: ({ session }) => session.editing.accept() },
  { keys: ["D"], group: "Review", does: "reject it, go to the next", run: ({ session }) => session.editing.reject() },
  { keys: ["."], group: "Review", does: "next mask", repeats: true, run: ({ session }) => session.editing.step(1) },
  { keys: [","], group: "Review", does: "previous mask", repeats: true, run: ({ session }) => session.editing.step(-1) },
  { keys: ["Shift+A"], group: "Review", does: "accept all proposals shown", run: ({ session }) => session.editing.acceptAll() },
  { keys: ["]"], group: "Review", does: "show surer proposals only", repeats: true, run: ({ session }) => session.editing.filterBy(FILTER_STEP) },
  { keys: ["["], group: "Review", does: "show less sure ones, too", repeats: true, run: ({ session }) => session.editing.filterBy(-FILTER_STEP) },
  { keys: ["Ctrl+Enter"], group: "Photo", does: "finish the photo, open the next", run: ({ session }) => void session.queue.finish() },
  { keys: ["K"], group: "Photo", does: "skip the photo, with a reason", run: ({ session }) => session.store.setState({ dialog: "skip" }) },
  { keys: ["H"], group: "View", does: "tool that moves the view (or hold Space and drag)", run: ({ session }) => session.store.setState({ tool: "pan" }) },
  { keys: ["0"], group: "View", does: "fit the photo", run: ({ stage }) => stage.fit() },
  { keys: ["Z"], group: "View", does: "zoom to the selected mask, and back", run: ({ stage }) => stage.zoomToMask() },
  { keys: ["9"], group: "View", does: "100 %", run: ({ stage }) => stage.actualSize() },
  { keys: ["+", "Shift++", "="], group: "View", does: "nearer (or the wheel)", repeats: true, run: ({ stage }) => stage.zoom(1.25) },
  { keys: ["-"], group: "View", does: "farther", repeats: true, run: ({ stage }) => stage.zoom(0.8) },
  { keys: ["\\"], group: "View", does: "fold or show the panels", run: ({ session }) => session.store.setState(({ arePanelsFolded }) => ({ arePanelsFolded: !arePanelsFolded })) },
  { keys: ["?", "Shift+?"], group: "View", does: "this sheet", run: ({ session }) => session.store.setState({ dialog: "keys" }) },
];

/** Gestures that are no keys, for the sheet. */
export const POINTER_KEYS: readonly Pick<Key, "keys" | "group" | "does">[] = [
  { keys: ["Left click"], group: "Prompts", does: "point on the object" },
  { keys: ["Right click", "Alt+left click"], group: "Prompts", does: "point off the object" },
  { keys: ["Drag"], group: "Prompts", does: "box around the object" },
  { keys: ["Wheel"], group: "View", does: "zoom at the pointer" },
  { keys: ["Space+drag", "Middle drag"], group: "View", does: "move the view" },
];

function escape({ session, stage }: Context): void {
  if (!stage.cancel()) session.editing.clearDraft();
}

function removeMask({ session }: Context): void {
  const { selectedId, soloId } = session.store.getState();
  session.editing.remove(soloId ?? selectedId);
}

function moveCrosshair({ stage }: Context, event: KeyboardEvent): void {
  const [dx, dy] = ARROWS[event.key.toLowerCase()] ?? [0, 0];
  const step = event.shiftKey ? LONG_ARROW_STEP_PX : ARROW_STEP_PX;
  stage.moveCrosshair(dx * step, dy * step);
}

const byChord = new Map(KEYMAP.flatMap((key) => key.keys.map((chord) => [chord.toLowerCase(), key] as const)));

/** "ctrl+shift+z" for the event; letters of a non-Latin layout by their place on the board. */
export function chordOf(event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">): string {
  const isForeign = event.key.length === 1 && event.key.charCodeAt(0) > 127;
  const key = isForeign ? event.code.replace(/^(Key|Digit)/, "") : event.key;
  const parts = [event.ctrlKey || event.metaKey ? "ctrl" : "", event.shiftKey ? "shift" : "", key];
  return parts.filter((part) => part !== "").join("+").toLowerCase();
}

export const findKey = (event: KeyboardEvent): Key | undefined => (event.altKey ? undefined : byChord.get(chordOf(event)));

const TEXT_FIELDS = "input, textarea, select, [contenteditable], [role=combobox], [role=listbox]";
const OWN_KEYS = "button, a, summary";

/** Listens to the keyboard while no dialog is open and nobody types in a field. Returns the function that stops it. */
export function listenToKeys(context: Context): () => void {
  const { session, stage } = context;
  const listeners = new AbortController();
  const onDown = (event: KeyboardEvent): void => {
    const { phase, dialog, isLeaseLost } = session.store.getState();
    const target = event.target instanceof Element ? event.target : null;
    if (phase.kind !== "working" || dialog !== null || isLeaseLost || event.defaultPrevented || event.isComposing) return;
    if (target?.closest(TEXT_FIELDS) || document.querySelector("[role=dialog][aria-modal=true]") !== null) return;
    // A focused button keeps the two keys that press it.
    if (target?.closest(OWN_KEYS) && (event.key === " " || (event.key === "Enter" && !event.ctrlKey))) return;
    if (event.key === " ") {
      event.preventDefault();
      return stage.setSpace(true);
    }
    const key = findKey(event);
    if (key === undefined || (event.repeat && key.repeats !== true)) return;
    event.preventDefault();
    session.editing.touch();
    key.run(context, event);
  };
  const onUp = (event: KeyboardEvent): void => {
    if (event.key === " ") stage.setSpace(false);
  };
  window.addEventListener("keydown", onDown, { signal: listeners.signal });
  window.addEventListener("keyup", onUp, { signal: listeners.signal });
  window.addEventListener("blur", () => stage.setSpace(false), { signal: listeners.signal });
  return () => listeners.abort();
}

/** What is being done now: which keys matter, for the status line. */
export function sensibleKeys(state: WorkspaceState): "idle" | "prompts" | "candidates" | "refining" | "review" | "audit" | "waiting" | "selected" {
  const { draft, masks } = docOf(state);
  if (untouchedBase(docOf(state)) !== null) return "refining";
  if (draft.prompts.length > 0) {
    return state.asked.isFresh && (state.asked.answer?.masks.length ?? 0) > 1 ? "candidates" : "prompts";
  }
  const selected = state.selectedId === null ? undefined : masks[state.selectedId];
  const { ids } = reviewIn(state);
  if (selected === undefined) return ids.length > 0 ? "waiting" : "idle";
  if (!ids.includes(selected.id)) return "selected";
  return selected.state === "proposed" ? "review" : "audit";
}
