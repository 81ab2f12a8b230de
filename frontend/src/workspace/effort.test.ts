import { expect, test } from "vitest";
import { addClick, NO_EFFORT, resumed, secondsAt, touch } from "./effort";

test("time runs while somebody works and stops in a pause", () => {
  let effort = touch(NO_EFFORT, 1000);
  effort = addClick(effort, 4000);
  expect(secondsAt(effort, 6500)).toBe(5.5);
  expect(secondsAt(effort, 600_000)).toBe(13);
  effort = addClick(effort, 600_000);
  expect([effort.clicks, secondsAt(effort, 601_000)]).toEqual([2, 14]);
});

test("a reopened mask goes on with what it has cost", () => {
  expect(secondsAt(touch(resumed(3, 12.5, 0), 1000), 1000)).toBe(13.5);
});
