// Every action of the workspace with the keys it comes with. Matched by the label on the key; where the layout has no Latin
// letters, by its place. A person may give it other keys (preferences/keys.ts).
import { untouchedBase } from "../canvas/document";
import { words } from "../words/workspace";
import { allChordsOf, type Bound, chordOf, chordsOf, isSingleKey, type KeyPreferences, type Pressed } from "./preferences/keys";
import { pagePreferences } from "./preferences/page";
import type { Reviewing } from "./reviewing";
import type { Session } from "./session";
import type { Stage } from "./stage";
import { TOOL_KEYS } from "./keysOfTools";
import { docOf, reviewIn, type WorkspaceState } from "./state";

export interface Context {
  readonly session: Session;
  readonly stage: Stage;
  /** null: photos are annotated, not reviewed. */
  readonly reviewing: Reviewing | null;
}

export const GROUPS = ["prompts", "pixels", "masks", "review", "photo", "view"] as const;

export interface Key extends Bound {
  /** Stays the same for ever: a person's own keys are kept under it. */
  readonly id: keyof typeof words.keys.does;
  /** As pressed: modifiers in the order Ctrl+Alt+Shift, then the key. */
  readonly keys: readonly string[];
  readonly group: (typeof GROUPS)[number];
  readonly run: (context: Context, event: KeyboardEvent) => void;
  /** Goes on while the key is held. */
  readonly repeats?: boolean;
  /** For what lasts while the key is held. */
  readonly release?: (context: Context) => void;
}

const ARROW_STEP_PX = 4;
const LONG_ARROW_STEP_PX = 40;

const OWN_KEYS: readonly Key[] = [
  { id: "tool.point", keys: ["S"], group: "prompts", run: ({ session }) => session.store.setState({ tool: "point" }) },
  { id: "candidate.1", keys: ["1"], group: "prompts", run: ({ session }) => session.editing.choose(0) },
  { id: "candidate.2", keys: ["2"], group: "prompts", run: ({ session }) => session.editing.choose(1) },
  { id: "candidate.3", keys: ["3"], group: "prompts", run: ({ session }) => session.editing.choose(2) },
  { id: "prompt.takeBack", keys: ["Backspace"], group: "prompts", repeats: true, run: takeBack },
  { id: "escape", keys: ["Escape"], group: "prompts", run: escape },
  { id: "crosshair.left", keys: ["ArrowLeft"], isLargerWithShift: true, group: "prompts", repeats: true, run: moveCrosshair(-1, 0) },
  { id: "crosshair.right", keys: ["ArrowRight"], isLargerWithShift: true, group: "prompts", repeats: true, run: moveCrosshair(1, 0) },
  { id: "crosshair.up", keys: ["ArrowUp"], isLargerWithShift: true, group: "prompts", repeats: true, run: moveCrosshair(0, -1) },
  { id: "crosshair.down", keys: ["ArrowDown"], isLargerWithShift: true, group: "prompts", repeats: true, run: moveCrosshair(0, 1) },
  { id: "prompt.on", keys: ["F"], group: "prompts", run: ({ stage }) => stage.placePoint(1) },
  { id: "prompt.off", keys: ["G"], group: "prompts", run: ({ stage }) => stage.placePoint(0) },
  { id: "prompt.corner", keys: ["X"], group: "prompts", run: ({ stage }) => stage.markCorner() },
  { id: "mask.keep", keys: ["Enter"], group: "masks", run: keep },
  { id: "tool.select", keys: ["V"], group: "masks", run: ({ session }) => session.store.setState({ tool: "select" }) },
  { id: "mask.remove", keys: ["Delete"], group: "masks", run: removeMask },
  { id: "mask.refine", keys: ["R"], group: "masks", run: ({ session }) => session.editing.refine() },
  { id: "masks.hide", keys: ["M"], group: "masks", run: ({ session }) => session.store.setState(({ areMasksHidden }) => ({ areMasksHidden: !areMasksHidden })) },
  { id: "undo", keys: ["Ctrl+Z"], group: "masks", repeats: true, run: ({ session }) => session.editing.undo() },
  { id: "redo", keys: ["Ctrl+Shift+Z", "Ctrl+Y"], group: "masks", repeats: true, run: ({ session }) => session.editing.redo() },
  { id: "flag.unsure", keys: ["U"], group: "masks", run: ({ session }) => session.editing.toggleFlag("unsure") },
  { id: "flag.crowd", keys: ["Y"], group: "masks", run: ({ session }) => session.editing.toggleFlag("crowd") },
  { id: "flag.cut", keys: ["Shift+U"], group: "masks", run: ({ session }) => session.editing.toggleFlag("cut_by_border") },
  { id: "comment", keys: ["C"], group: "masks", run: writeComment },
  { id: "review.accept", keys: ["A"], group: "review", run: ({ session }) => session.editing.accept() },
  { id: "review.reject", keys: ["D"], group: "review", run: ({ session }) => session.editing.reject() },
  { id: "mask.next", keys: ["."], group: "review", repeats: true, run: ({ session, reviewing }) => (reviewing ?? session.editing).step(1) },
  { id: "mask.previous", keys: [","], group: "review", repeats: true, run: ({ session, reviewing }) => (reviewing ?? session.editing).step(-1) },
  { id: "review.acceptAll", keys: ["Shift+A"], group: "review", run: ({ session }) => session.editing.acceptAll() },
  { id: "review.rejectAll", keys: ["Shift+X"], group: "review", run: ({ session }) => session.editing.rejectAll() },
  { id: "review.difference", keys: ["Shift+C"], group: "review", run: ({ reviewing }) => reviewing?.toggleDifference() },
  { id: "photo.finish", keys: ["Ctrl+Enter"], group: "photo", run: finish },
  { id: "photo.skip", keys: ["K"], group: "photo", run: putAside },
  { id: "photo.back", keys: ["PageUp"], group: "photo", run: ({ session, reviewing }) => void (reviewing === null && session.queue.back()) },
  { id: "tool.pan", keys: ["H"], group: "view", run: ({ session }) => session.store.setState({ tool: "pan" }) },
  { id: "view.preview", keys: ["P"], group: "view", run: ({ session }) => session.hover.toggle() },
  { id: "view.fit", keys: ["0"], group: "view", run: ({ stage }) => stage.fit() },
  { id: "view.mask", keys: ["Z"], group: "view", run: ({ stage }) => stage.zoomToMask() },
  { id: "view.actual", keys: ["9"], group: "view", run: ({ stage }) => stage.actualSize() },
  { id: "view.nearer", keys: ["+", "Shift++", "="], group: "view", repeats: true, run: ({ stage }) => stage.zoom(1.25) },
  { id: "view.farther", keys: ["-"], group: "view", repeats: true, run: ({ stage }) => stage.zoom(0.8) },
  { id: "panels.fold", keys: ["\\"], group: "view", run: ({ session }) => session.store.setState(({ arePanelsFolded }) => ({ arePanelsFolded: !arePanelsFolded })) },
  { id: "sheet", keys: ["?", "Shift+?"], group: "view", run: ({ session }) => session.store.setState({ dialog: "keys" }) },
  { id: "guidelines", keys: ["Q"], group: "view", run: toggleGuidelines },
  { id: "commands", keys: ["Ctrl+K"], group: "view", run: ({ session }) => session.store.setState({ dialog: "commands" }) },
];

export const KEYMAP: readonly Key[] = [...OWN_KEYS, ...TOOL_KEYS].sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group));

const { gestures, gesturesDo } = words.keys;

/** Gestures that are no keys, for the sheet. */
export const POINTER_KEYS: readonly { readonly keys: readonly string[]; readonly does: string }[] = [
  { keys: [gestures.leftClick], does: gesturesDo.on },
  { keys: [gestures.rightClick, gestures.altLeftClick], does: gesturesDo.off },
  { keys: [gestures.drag], does: gesturesDo.box },
  { keys: [gestures.wheel], does: gesturesDo.zoom },
  { keys: [gestures.spaceDrag, gestures.middleDrag], does: gesturesDo.move },
];

function finish({ session, reviewing }: Context): void {
  void (reviewing === null ? session.queue.finish() : reviewing.accept());
}

function putAside({ session, reviewing }: Context): void {
  session.store.setState({ dialog: reviewing === null ? "skip" : "sendBack" });
}

/** What also works on a photo that is only looked at. */
export const isForReview = ({ id }: Bound): boolean =>
  /^(view\.|photo\.|mask\.next|mask\.previous|masks\.hide|panels\.|sheet|commands|guidelines|review\.difference|escape)/.test(id);

function writeComment({ session: { store } }: Context): void {
  const box = document.querySelector<HTMLElement>("[data-comment]");
  if (box === null) store.setState({ notice: words.said.nothing });
  else box.focus();
}

function toggleGuidelines(): void {
  pagePreferences.store.setState(({ areGuidelinesOpen }) => ({ areGuidelinesOpen: !areGuidelinesOpen }));
}

function escape({ session, stage }: Context): void {
  if (!stage.cancel()) session.editing.clearDraft();
}

function takeBack({ session, stage }: Context): void {
  if (!stage.takeBack()) session.editing.takeBackPrompt();
}

function keep({ session, stage }: Context): void {
  if (!stage.finish()) session.editing.keep();
}

function removeMask({ session }: Context): void {
  const { selectedId, soloId } = session.store.getState();
  if (selectedId !== null) session.editing.removeSelected();
  else session.editing.remove(soloId);
}

function moveCrosshair(dx: number, dy: number) {
  return ({ stage }: Context, event: KeyboardEvent): void => {
    const step = event.shiftKey ? LONG_ARROW_STEP_PX : ARROW_STEP_PX;
    stage.moveCrosshair(dx * step, dy * step);
  };
}

/** The action of a chord under these preferences. */
export function findKey(event: Pressed, preferences: KeyPreferences): Key | undefined {
  const chord = chordOf(event);
  if (preferences.areSingleKeysOff && isSingleKey(chord)) return undefined;
  return chordMapOf(preferences).get(chord);
}

let lastMap: { of: KeyPreferences; map: ReadonlyMap<string, Key> } | null = null;

function chordMapOf(preferences: KeyPreferences): ReadonlyMap<string, Key> {
  if (lastMap?.of !== preferences) {
    // What the person chose comes last and wins over an action that came with the same chord in a later version.
    const inOrder = [...KEYMAP].sort((a, b) => Number(a.id in preferences.chords) - Number(b.id in preferences.chords));
    const entries = inOrder.flatMap((key) => allChordsOf(key, preferences).map((chord) => [chord, key] as const));
    lastMap = { of: preferences, map: new Map(entries) };
  }
  return lastMap.map;
}

/** What this person presses for the action that comes with `chord`; null: nothing. What is no key of ours stays as it is. */
export function ownChord(chord: string, preferences: KeyPreferences): string | null {
  const key = KEYMAP.find(({ keys }) => keys.includes(chord));
  if (key === undefined) return chord;
  if (!(key.id in preferences.chords) && !preferences.areSingleKeysOff) return chord;
  const usable = chordsOf(key, preferences).filter((own) => !preferences.areSingleKeysOff || !isSingleKey(own));
  return usable.includes(chord) ? chord : (usable[0] ?? null);
}

const CAPS: Readonly<Record<string, string>> = { ArrowLeft: "\u2190", ArrowRight: "\u2192", ArrowUp: "\u2191", ArrowDown: "\u2193", Escape: "Esc" };

/** As it stands on the key: arrows as arrows, and a sign without the Shift that it takes. */
export function capOf(chord: string): string {
  const sign = /^Shift\+([^\p{L}\d])$/u.exec(chord)?.[1];
  return sign ?? chord.replace(/[^+]+$/, (key) => CAPS[key] ?? key);
}

/** A sentence that names keys as they come, "[[Enter]] keeps it", with those this person presses for the same. */
export const withOwnKeys = (sentence: string, preferences: KeyPreferences): string =>
  sentence.replace(/\[\[(.+?)\]\]/g, (_, chord: string) => capOf(ownChord(chord, preferences) ?? chord));

export const doesOf = ({ id }: Key, preferences: KeyPreferences): string => withOwnKeys(words.keys.does[id], preferences);

/** For `aria-keyshortcuts`: what this person presses for the actions that come with these chords; undefined: nothing. */
export function ariaShortcutsOf(chords: readonly string[], preferences: KeyPreferences): string | undefined {
  const own = chords.map((chord) => ownChord(chord, preferences)).filter((chord) => chord !== null);
  return own.length === 0 ? undefined : own.map(ariaChordOf).join(" ");
}

// The plus sign stands between keys.
const ariaChordOf = (chord: string): string => chord.replace(/\+$/, "Plus").replace("Ctrl", "Control");

/** What is being done now: which keys matter, for the status line. */
export function sensibleKeys(state: WorkspaceState): "idle" | "prompts" | "candidates" | "refining" | "review" | "audit" | "waiting" | "selected" | "several" | "selecting" | "moving" | "reviewing" {
  if (state.phase.kind === "reviewing") return "reviewing";
  const { draft, masks } = docOf(state);
  if (untouchedBase(docOf(state)) !== null) return "refining";
  if (draft.prompts.length > 0) {
    return state.asked.isFresh && (state.asked.answer?.masks.length ?? 0) > 1 ? "candidates" : "prompts";
  }
  const selected = state.selectedId === null ? undefined : masks[state.selectedId];
  const { ids } = reviewIn(state);
  if (state.alsoSelected.length > 0) return "several";
  if (selected === undefined) return ids.length > 0 ? "waiting" : state.tool === "select" ? "selecting" : state.tool === "pan" ? "moving" : "idle";
  if (!ids.includes(selected.id)) return "selected";
  return selected.state === "proposed" ? "review" : "audit";
}
