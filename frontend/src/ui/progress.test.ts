import { expect, it } from "vitest";
import { bytes, count, duration, sentence } from "./format";
import { paceOf, rate } from "./progress";

it("tells no estimate before 5 % are done", () => {
  expect(paceOf(4, 100, 10)).toEqual({ perSecond: 0.4, secondsLeft: null });
  expect(paceOf(5, 100, 10)).toEqual({ perSecond: 0.5, secondsLeft: 190 });
  expect(paceOf(0, 100, 10)).toEqual({ perSecond: null, secondsLeft: null });
  expect(paceOf(100, 100, 10).secondsLeft).toBeNull();
  expect(paceOf(60, 100, 5, 50)).toEqual({ perSecond: 2, secondsLeft: 20 });
  expect(paceOf(50, 100, 5, 50).perSecond).toBeNull();
});

it("writes numbers for people", () => {
  expect(count(12400)).toBe("12,400");
  expect([0, 999, 1000, 1234567, 123456789, 999_960].map(bytes)).toEqual(["0 B", "999 B", "1.0 KB", "1.2 MB", "123 MB", "1.0 MB"]);
  expect([2, 41, 60, 150, 7800].map(duration)).toEqual(["less than 5 s", "45 s", "1 min", "3 min", "2 h 10 min"]);
  expect([41.2, 0.42].map(rate)).toEqual(["41/s", "0.4/s"]);
  expect(sentence("writing_masks")).toBe("Writing masks");
});
