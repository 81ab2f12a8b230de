import { act, renderHook } from "@testing-library/react";
import { expect, it } from "vitest";
import { useDraft } from "./useDraft";

interface Settings {
  order: string;
  seconds: number;
  exit: { masks: number | null };
}

const FIRST: Settings = { order: "oldest", seconds: 30, exit: { masks: null } };

const begin = () =>
  renderHook(({ standing, revision }: { standing: Settings; revision: number }) => useDraft(standing, revision), {
    initialProps: { standing: FIRST, revision: 1 },
  });

it("sends only what was changed", () => {
  const { result } = begin();
  expect(result.current.isDirty).toBe(false);
  act(() => result.current.change({ exit: { masks: 50 } }));
  expect(result.current.changed).toEqual({ exit: { masks: 50 } });
  act(() => result.current.change({ exit: { masks: null } }));
  expect(result.current.isDirty).toBe(false);
});

it("follows the server while nothing was typed", () => {
  const { result, rerender } = begin();
  rerender({ standing: { ...FIRST, seconds: 20 }, revision: 2 });
  expect(result.current).toMatchObject({ value: { seconds: 20 }, revision: 2, isOvertaken: false });
});

it("keeps what was typed when somebody else saves, and lets the person choose", () => {
  const { result, rerender } = begin();
  act(() => result.current.change({ order: "random" }));
  rerender({ standing: { ...FIRST, seconds: 20 }, revision: 2 });
  expect(result.current).toMatchObject({ value: { order: "random", seconds: 30 }, revision: 1, isOvertaken: true });
  act(() => result.current.restart(true));
  expect(result.current).toMatchObject({ value: { order: "random", seconds: 20 }, revision: 2, isOvertaken: false });
  expect(result.current.changed).toEqual({ order: "random" });
  act(() => result.current.restart(false));
  expect(result.current).toMatchObject({ value: { order: "oldest", seconds: 20 }, isDirty: false });
});

it("lays what was typed over a group without what stands beside it there", () => {
  const began = { ...FIRST, exit: { masks: null as number | null, batch: 1 } };
  const { result, rerender } = renderHook(
    ({ standing, revision }: { standing: typeof began; revision: number }) => useDraft(standing, revision),
    { initialProps: { standing: began, revision: 1 } },
  );
  act(() => result.current.change({ exit: { masks: null, batch: 5 } }));
  rerender({ standing: { ...began, exit: { masks: 9, batch: 1 } }, revision: 2 });
  act(() => result.current.restart(true));
  expect(result.current.value.exit).toEqual({ masks: 9, batch: 5 });
});

it("is clean once its own change comes back as the new revision", () => {
  const { result, rerender } = begin();
  act(() => result.current.change({ seconds: 45 }));
  rerender({ standing: { ...FIRST, seconds: 45 }, revision: 2 });
  expect(result.current).toMatchObject({ isDirty: false, isOvertaken: false, revision: 2 });
});

it("keeps what is typed while it is being saved, and calls nobody else its author", () => {
  const { result, rerender } = begin();
  act(() => result.current.change({ seconds: 45 }));
  const sent = result.current.value;
  act(() => result.current.change({ order: "random" }));
  const after = { ...FIRST, seconds: 45 };
  act(() => result.current.saved(sent, after, 2)); // before what stands is read again
  expect(result.current).toMatchObject({ changed: { order: "random" }, revision: 2, isOvertaken: false });
  rerender({ standing: after, revision: 2 });
  expect(result.current).toMatchObject({ value: { order: "random", seconds: 45 }, isDirty: true, isOvertaken: false });
});
