import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { imagePoint, screenPoint } from "../geometry";
import { type Button, type Context, type Effect, type Gesture, IDLE, type ToolEvent } from "./gesture";
import { transition } from "./tool";

const image = { width: 100, height: 80 };
const pointing: Context = { tool: "point", image, radius: 5, isSwapped: false, scale: 2, lastPainted: null };

const at = (x: number, y: number) => ({ screen: screenPoint(x, y), image: imagePoint(x / 2, y / 2) });
const down = (x: number, y: number, more: Partial<Extract<ToolEvent, { kind: "down" }>> = {}): ToolEvent => ({
  kind: "down", button: "left", isAlt: false, isShift: false, isPan: false, isTouch: false, isEraserEnd: false, ...at(x, y), ...more,
});
const move = (x: number, y: number): ToolEvent => ({ kind: "move", ...at(x, y), path: [at(x, y).image] });
const up = (x: number, y: number): ToolEvent => ({ kind: "up", ...at(x, y) });

function play(events: ToolEvent[], context = pointing): { gesture: Gesture; effects: Effect[] } {
  let gesture = IDLE;
  const effects: Effect[] = [];
  for (const event of events) {
    const outcome = transition(gesture, event, context);
    gesture = outcome.gesture;
    effects.push(...outcome.effects);
  }
  return { gesture, effects };
}

const point = (x: number, y: number, label: 0 | 1): Effect => ({ kind: "prompt", prompt: { type: "point", x, y, label, candidate: null } });

describe("the point tool", () => {
  test.each<[string, ToolEvent[], Effect[]]>([
    ["left click: foreground", [down(40, 20), up(40, 20)], [point(20, 10, 1)]],
    ["right click: background", [down(40, 20, { button: "right" }), up(40, 20)], [point(20, 10, 0)]],
    ["Alt and left: background", [down(40, 20, { isAlt: true }), up(40, 20)], [point(20, 10, 0)]],
    ["a shaky click stays a click where it began", [down(40, 20), move(42, 22), up(42, 22)], [point(20, 10, 1)]],
    ["a shaky right click too, however far", [down(40, 20, { button: "right" }), move(60, 22), up(60, 22)], [point(20, 10, 0)]],
    ["a drag: a box", [down(40, 20), move(80, 60), up(90, 60)], [{ kind: "prompt", prompt: { type: "box", x1: 20, y1: 10, x2: 45, y2: 30, candidate: null } }]],
    ["outside the image: nothing", [down(400, 20), up(400, 20)], []],
    ["a hand that slips sideways: a point", [down(40, 20), move(45, 20), up(45, 20)], [point(20, 10, 1)]],
    ["a box with no room: nothing", [down(40, 20), move(40, 60), up(40, 60)], []],
    ["a finger may move further", [down(40, 20, { isTouch: true }), move(47, 20), up(47, 20)], [point(20, 10, 1)]],
  ])("%s", (_, events, effects) => {
    expect(play(events)).toEqual({ gesture: IDLE, effects });
  });

  test("Space pans instead", () => {
    expect(play([down(40, 20, { isPan: true }), move(50, 25), move(55, 25), up(55, 25)]).effects).toEqual([
      { kind: "pan", dx: 10, dy: 5 },
      { kind: "pan", dx: 5, dy: 0 },
    ]);
  });
});

test("the select tool selects, the pan tool pans", () => {
  expect(play([down(40, 20), up(40, 20)], { ...pointing, tool: "select" }).effects).toEqual([{ kind: "select", at: imagePoint(20, 10), isAdding: false }]);
  expect(play([down(40, 20), move(41, 20), up(41, 20)], { ...pointing, tool: "pan" }).effects).toEqual([{ kind: "pan", dx: 1, dy: 0 }]);
});

test("whatever happens, cancel ends the gesture, and one gesture asks for one prompt at most", () => {
  const place = fc.tuple(fc.integer({ min: -50, max: 300 }), fc.integer({ min: -50, max: 300 }));
  const anyEvent = fc.oneof(
    fc.tuple(place, fc.constantFrom<Button>("left", "middle", "right"), fc.boolean()).map(([[x, y], button, isPan]) => down(x, y, { button, isPan })),
    place.map(([x, y]) => move(x, y)),
    place.map(([x, y]) => up(x, y)),
    fc.constantFrom<ToolEvent["kind"] & ("cancel" | "finish" | "back" | "longPress")>("cancel", "finish", "back", "longPress").map((kind): ToolEvent => ({ kind })),
  );
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
      const prompts = play(events).effects.filter((effect) => effect.kind === "prompt");
      expect(prompts.length).toBeLessThanOrEqual(events.filter((event) => event.kind === "down").length);
      expect(play([...events, { kind: "cancel" }]).gesture).toEqual(IDLE);
    }),
  );
});
