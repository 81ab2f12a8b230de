// The keys a person has chosen for themselves: which chords, which actions, what may not be taken.
import { isRecord, remembered } from "./remembered";

/** An action as far as its keys go. `keys`: the ones it comes with. */
export interface Bound {
  readonly id: string;
  readonly keys: readonly string[];
  /** The same with Shift is the same action, in larger steps. */
  readonly isLargerWithShift?: boolean;
}

export interface KeyPreferences {
  /** Chords by the action's id, where they differ from those it comes with. */
  readonly chords: Readonly<Record<string, readonly string[]>>;
  /** Letters, digits and signs alone do nothing: for who dictates, or brushes against the board (WCAG 2.1.4). */
  readonly areSingleKeysOff: boolean;
}

export const keyPreferences = remembered<KeyPreferences>("keys", (found) => {
  const { chords, areSingleKeysOff } = isRecord(found) ? found : {};
  const isChords = (value: unknown): value is string[] => Array.isArray(value) && value.every((chord) => typeof chord === "string");
  const valid = isRecord(chords) ? Object.entries(chords).filter((entry): entry is [string, string[]] => isChords(entry[1])) : [];
  return { chords: Object.fromEntries(valid), areSingleKeysOff: areSingleKeysOff === true };
});

// What the browser or the system does with a chord, and what keeps the page usable without a pointer.
const RESERVED: ReadonlySet<string> = new Set([
  "ctrl+r", "ctrl+shift+r", "ctrl+t", "ctrl+shift+t", "ctrl+n", "ctrl+shift+n", "ctrl+w", "ctrl+shift+w", "ctrl+q", "ctrl+l",
  "ctrl+tab", "ctrl+shift+tab", "ctrl+f4", "ctrl+shift+i", "ctrl+shift+j", "ctrl+shift+delete", "ctrl+c", "ctrl+x", "ctrl+v",
  "ctrl+f", "ctrl+p", "ctrl+0", "ctrl++", "ctrl+shift++", "ctrl+-", "ctrl+=", "alt+f4", "alt+arrowleft", "alt+arrowright", "alt+d",
  "tab", "shift+tab", "alt+tab", "f5", "ctrl+f5", "f6", "f11", "f12", "escape", " ", "shift+ ", "ctrl+ ",
]);
const MODIFIERS: ReadonlySet<string> = new Set(["Control", "Shift", "Alt", "AltGraph", "Meta", "CapsLock", "Fn", "Dead", "Unidentified"]);

export type Pressed = Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey"> &
  Partial<Pick<KeyboardEvent, "getModifierState">>;

/** "ctrl+shift+z" for the event; letters of a non-Latin layout by their place on the board. */
export function chordOf(event: Pressed): string {
  const isForeign = event.key.length === 1 && event.key.charCodeAt(0) > 127;
  const key = isForeign ? event.code.replace(/^(Key|Digit)/, "") : event.key;
  // AltGr makes signs, as Shift makes capitals; some systems report it as Ctrl and Alt.
  const isSign = event.getModifierState?.("AltGraph") === true;
  const [isCtrl, isAlt] = isSign ? [false, false] : [event.ctrlKey || event.metaKey, event.altKey];
  const parts = [isCtrl ? "ctrl" : "", isAlt ? "alt" : "", event.shiftKey ? "shift" : "", key];
  return parts.filter((part) => part !== "").join("+").toLowerCase();
}

/** As it is kept and shown: "Ctrl+Shift+Z"; null for a modifier alone. */
export function capturedChord(event: Pressed): string | null {
  return MODIFIERS.has(event.key) ? null : written(chordOf(event));
}

function written(chord: string): string {
  const key = chord.endsWith("+") ? "+" : (chord.split("+").at(-1) ?? "");
  const modifiers = chord.slice(0, chord.length - key.length).split("+").filter((part) => part !== "");
  return [...modifiers.map(capitalised), NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : capitalised(key))].join("+");
}

const NAMES: Readonly<Record<string, string>> = {
  arrowleft: "ArrowLeft", arrowright: "ArrowRight", arrowup: "ArrowUp", arrowdown: "ArrowDown", pageup: "PageUp", pagedown: "PageDown",
};
const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

export const isReserved = (chord: string): boolean => RESERVED.has(chord.toLowerCase());

/** A letter, digit or sign without Ctrl or Alt. */
export const isSingleKey = (chord: string): boolean => /^(Shift\+)?.$/iu.test(chord);

export const chordsOf = ({ id, keys }: Bound, { chords }: KeyPreferences): readonly string[] => chords[id] ?? keys;

/** Every chord of the action, in small letters. */
export function allChordsOf(action: Bound, preferences: KeyPreferences): string[] {
  const chords = chordsOf(action, preferences).map((chord) => chord.toLowerCase());
  return action.isLargerWithShift === true ? chords.flatMap((chord) => [chord, `shift+${chord}`]) : chords;
}

const PLAIN: KeyPreferences = { chords: {}, areSingleKeysOff: false };

function clash(a: Bound, chordA: string, b: Bound, chordB: string): boolean {
  const ofB = allChordsOf({ ...b, keys: [chordB] }, PLAIN);
  return allChordsOf({ ...a, keys: [chordA] }, PLAIN).some((chord) => ofB.includes(chord));
}

/** The other action that has this chord. */
export function holderOf<A extends Bound>(actions: readonly A[], chord: string, action: Bound, preferences: KeyPreferences): A | null {
  const holds = (other: A): boolean => chordsOf(other, preferences).some((held) => clash(other, held, action, chord));
  return actions.find((other) => other.id !== action.id && holds(other)) ?? null;
}

/** The action has these chords; whoever is left without any gets what the action had before. */
export function bind<A extends Bound>(actions: readonly A[], action: A, wanted: readonly string[], preferences: KeyPreferences): KeyPreferences {
  const isFree = (held: string, holder: A): boolean => !wanted.some((chord) => clash(holder, held, action, chord));
  const chords: Record<string, readonly string[]> = { ...preferences.chords, [action.id]: wanted };
  let freed = chordsOf(action, preferences).filter((held) => isFree(held, action));
  for (const holder of actions) {
    const held = chordsOf(holder, preferences);
    const kept = held.filter((chord) => isFree(chord, holder));
    if (holder.id === action.id || kept.length === held.length) continue;
    // Who also goes with Shift needs both free.
    const offered = kept.length > 0 ? [] : freed.filter((chord) => holderOf(actions, chord, holder, { ...preferences, chords }) === null);
    chords[holder.id] = [...kept, ...offered];
    freed = freed.filter((chord) => !offered.includes(chord));
  }
  const isOwn = ([id, own]: [string, readonly string[]]): boolean => actions.find((one) => one.id === id)?.keys.join(" ") !== own.join(" ");
  return { ...preferences, chords: Object.fromEntries(Object.entries(chords).filter(isOwn)) };
}

/** Back to the keys it came with. */
export const reset = <A extends Bound>(actions: readonly A[], action: A, preferences: KeyPreferences): KeyPreferences =>
  bind(actions, action, action.keys, preferences);
