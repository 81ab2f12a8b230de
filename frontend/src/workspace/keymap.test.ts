import { expect, test } from "vitest";
import { chordOf, KEYMAP } from "./keymap";

const pressed = (key: string, more: Partial<KeyboardEvent> = {}) => ({ key, code: "", ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more });

test("no two keys do different things", () => {
  const chords = KEYMAP.flatMap(({ keys }) => keys.map((chord) => chord.toLowerCase()));
  expect(new Set(chords).size).toBe(chords.length);
});

test("keys are matched by their label, and by their place where the label is not Latin", () => {
  expect(chordOf(pressed("z", { code: "KeyW", ctrlKey: true }))).toBe("ctrl+z");
  expect(chordOf(pressed("я", { code: "KeyZ", ctrlKey: true }))).toBe("ctrl+z");
  expect(chordOf(pressed("Z", { metaKey: true, shiftKey: true }))).toBe("ctrl+shift+z");
  expect(chordOf(pressed("?", { shiftKey: true }))).toBe("shift+?");
});
