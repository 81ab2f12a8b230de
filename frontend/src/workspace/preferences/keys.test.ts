import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { words } from "../../words/workspace";
import { ariaShortcutsOf, doesOf, findKey, KEYMAP, ownChord, withOwnKeys } from "../keymap";
import { allChordsOf, bind, capturedChord, chordOf, holderOf, isReserved, keyPreferences, type KeyPreferences, reset } from "./keys";

const PLAIN: KeyPreferences = { chords: {}, areSingleKeysOff: false };
const pressed = (key: string, more: Partial<KeyboardEvent> = {}) => ({ key, code: "", ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more });
const action = (id: string) => KEYMAP.find((key) => key.id === id) ?? expect.fail(`no action ${id}`);

const allChords = (preferences: KeyPreferences): string[] => KEYMAP.flatMap((key) => [...new Set(allChordsOf(key, preferences))]);

test("as they come, no two actions share a chord, and none is the browser's", () => {
  expect(new Set(allChords(PLAIN)).size).toBe(allChords(PLAIN).length);
  expect(new Set(KEYMAP.map(({ id }) => id)).size).toBe(KEYMAP.length);
  const own = KEYMAP.filter(({ id }) => id !== "escape").flatMap(({ keys }) => keys);
  expect(own.filter(isReserved)).toEqual([]);
});

test("keys are matched by their label, and by their place where the label is not Latin", () => {
  expect(chordOf(pressed("z", { code: "KeyW", ctrlKey: true }))).toBe("ctrl+z");
  expect(chordOf(pressed("я", { code: "KeyZ", ctrlKey: true }))).toBe("ctrl+z");
  expect(chordOf(pressed("Z", { metaKey: true, shiftKey: true }))).toBe("ctrl+shift+z");
  expect(chordOf(pressed("?", { shiftKey: true }))).toBe("shift+?");
  expect(chordOf(pressed("[", { ctrlKey: true, altKey: true, getModifierState: (name) => name === "AltGraph" }))).toBe("[");
  expect(chordOf(pressed("[", { altKey: true }))).toBe("alt+[");
});

test("a pressed chord is written as the keymap writes it", () => {
  expect(capturedChord(pressed("z", { ctrlKey: true, shiftKey: true }))).toBe("Ctrl+Shift+Z");
  expect(capturedChord(pressed("+", { shiftKey: true }))).toBe("Shift++");
  expect(capturedChord(pressed("+"))).toBe("+");
  expect(capturedChord(pressed("ArrowLeft", { altKey: true }))).toBe("Alt+ArrowLeft");
  expect(capturedChord(pressed("F2"))).toBe("F2");
  expect(capturedChord(pressed("Shift", { shiftKey: true }))).toBeNull();
});

test.each(["Ctrl+R", "Ctrl+T", "Ctrl+W", "Tab", "Shift+Tab", "F5", "Escape", "Alt+ArrowLeft", "Ctrl+0"])("%s stays the browser's", (chord) => {
  expect(isReserved(chord)).toBe(true);
});

test("a taken chord names its holder; binding it swaps the two", () => {
  const [accept, reject] = [action("review.accept"), action("review.reject")];
  expect(holderOf(KEYMAP, "D", accept, PLAIN)).toBe(reject);
  const swapped = bind(KEYMAP, accept, ["D"], PLAIN);
  expect(swapped.chords).toEqual({ "review.accept": ["D"], "review.reject": ["A"] });
  expect(findKey(pressed("d"), swapped)).toBe(accept);
  expect(findKey(pressed("a"), swapped)).toBe(reject);
  expect(ownChord("A", swapped)).toBe("D");
  expect(reset(KEYMAP, accept, swapped).chords).toEqual({});
});

test("an action that also goes with Shift takes both, and gives both back", () => {
  const left = action("crosshair.left");
  expect(holderOf(KEYMAP, "A", left, PLAIN)?.id).toMatch(/^review\.accept/);
  const bound = bind(KEYMAP, left, ["A"], PLAIN);
  expect(findKey(pressed("A", { shiftKey: true }), bound)).toBe(left);
  expect(findKey(pressed("a"), bound)).toBe(left);
});

test("with single keys off, letters and signs do nothing; Ctrl, Enter and arrows still do", () => {
  const off = { ...PLAIN, areSingleKeysOff: true };
  expect(["a", "?", "1", "+"].map((key) => findKey(pressed(key), off))).toEqual([undefined, undefined, undefined, undefined]);
  expect(findKey(pressed("A", { shiftKey: true }), off)).toBeUndefined();
  expect(findKey(pressed("z", { ctrlKey: true }), off)?.id).toBe("undo");
  expect(findKey(pressed("Enter"), off)?.id).toBe("mask.keep");
  expect(findKey(pressed("ArrowUp"), off)?.id).toBe("crosshair.up");
  expect(ownChord("A", off)).toBeNull();
  expect(ownChord("Click", off)).toBe("Click");
});

test("screen readers hear the person's own keys, written as ARIA has them, and none for what has no key", () => {
  expect(ariaShortcutsOf(["Ctrl+Shift+Z"], PLAIN)).toBe("Control+Shift+Z");
  expect(ariaShortcutsOf(["[", "]"], PLAIN)).toBe("[ ]");
  const swapped = bind(KEYMAP, action("tool.brush"), ["E"], PLAIN);
  expect(ariaShortcutsOf(["B"], swapped)).toBe("E");
  expect(ariaShortcutsOf(["E"], swapped)).toBe("B");
  expect(ariaShortcutsOf(["B"], bind(KEYMAP, action("tool.brush"), ["Ctrl++"], PLAIN))).toBe("Control+Plus");
  expect(ariaShortcutsOf(["B"], bind(KEYMAP, action("tool.brush"), ["+"], PLAIN))).toBe("Plus");
  expect(ariaShortcutsOf(["B"], { ...PLAIN, areSingleKeysOff: true })).toBeUndefined();
});

test("every action that is named has a key to begin with", () => {
  expect(Object.keys(words.keys.does).sort()).toEqual(KEYMAP.map(({ id }) => id).sort());
});

test("whatever is bound and reset in whatever order, no two actions share a chord, and what was bound last has it", () => {
  const chord = fc.constantFrom("A", "D", "Shift+A", "ArrowLeft", "Shift+ArrowLeft", "+", "=", "Shift++", "Ctrl+Y", "F2", "Q");
  const step = fc.record({ at: fc.nat(KEYMAP.length - 1), chord: fc.option(chord) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let now = PLAIN;
      for (const { at, chord } of steps) {
        const key = KEYMAP[at] ?? expect.fail();
        now = chord === null ? reset(KEYMAP, key, now) : bind(KEYMAP, key, [chord], now);
        expect(allChordsOf(key, now)).toEqual(allChordsOf({ ...key, keys: chord === null ? key.keys : [chord] }, PLAIN));
        expect(new Set(allChords(now)).size).toBe(allChords(now).length);
      }
    }),
  );
});

beforeEach(() => localStorage.clear());

test("each person has their own keys, and what is broken in the store does no harm", () => {
  keyPreferences.open(1);
  keyPreferences.store.setState({ chords: { undo: ["Q"] } });
  keyPreferences.open(2);
  expect(keyPreferences.store.getState()).toEqual(PLAIN);
  localStorage.setItem("segloop-keys-3", '{"chords":{"undo":7,"redo":["Q"]},"areSingleKeysOff":"yes"}');
  keyPreferences.open(3);
  expect(keyPreferences.store.getState()).toEqual({ chords: { redo: ["Q"] }, areSingleKeysOff: false });
  localStorage.setItem("segloop-keys-4", "no json");
  keyPreferences.open(4);
  expect(keyPreferences.store.getState()).toEqual(PLAIN);
  keyPreferences.open(1);
  expect(keyPreferences.store.getState().chords).toEqual({ undo: ["Q"] });
});

test("sentences name the keys this person has chosen", () => {
  const keep = KEYMAP.find(({ id }) => id === "mask.keep");
  if (keep === undefined) throw new Error("there is no action that keeps a mask");
  const none: KeyPreferences = { chords: {}, areSingleKeysOff: false };
  expect(withOwnKeys("photo [1].jpg: [[Enter]] keeps it, [[Escape]] drops it", none)).toBe("photo [1].jpg: Enter keeps it, Esc drops it");
  expect(withOwnKeys("[[Enter]] keeps it", bind(KEYMAP, keep, ["Ctrl+S"], none))).toBe("Ctrl+S keeps it");
  for (const key of KEYMAP) expect(doesOf(key, none)).not.toMatch(/\[\[|\]\]/);
});
