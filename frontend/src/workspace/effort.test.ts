import { expect, test } from "vitest";
import { addClick, isHintDue, NO_EFFORT, resumed, secondsAt, touch, withoutResumed } from "./effort";

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

test("what a mask had cost before it was looked at again is not the next one's", () => {
  const looked = addClick(resumed(20, 45, 0), 3000);
  const next = addClick(withoutResumed(looked), 5000);
  expect([next.clicks, secondsAt(next, 5000)]).toEqual([2, 5]);
  expect(isHintDue(next, 28_000, 30)).toBe(false);
  const fresh = addClick(NO_EFFORT, 1000);
  expect(withoutResumed(fresh)).toEqual(fresh);
});

test("the hint comes once a mask has taken its seconds, goes by itself, and does not come twice", () => {
  const after = (seconds: number): boolean => {
    let effort = touch(NO_EFFORT, 0);
    for (let at = 1; at <= seconds; at++) effort = touch(effort, at * 1000);
    return isHintDue(effort, seconds * 1000, 30);
  };
  expect([29, 30, 39, 40, 100].map(after)).toEqual([false, true, true, false, false]);
  expect(isHintDue(resumed(4, 31, 0), 1000, 30)).toBe(false);
  expect(isHintDue(resumed(4, 25, 0), 6000, 30)).toBe(true);
  expect(isHintDue(resumed(4, 25, 0), 6000, 0)).toBe(false);
});
