import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { imagePoint, screenPoint } from "../geometry";
import { type Context, type Down, type Effect, type Gesture, IDLE, type ToolEvent, type ToolName, TOOL_NAMES } from "./gesture";
import { lassoLineOf } from "./lasso";
import { transition } from "./tool";

const image = { width: 100, height: 80 };
const holding = (tool: ToolName, more: Partial<Context> = {}): Context => ({ tool, image, radius: 5, isSwapped: false, scale: 2, lastPainted: null, ...more });

const at = (x: number, y: number) => ({ screen: screenPoint(2 * x, 2 * y), image: imagePoint(x, y) });
const down = (x: number, y: number, more: Partial<Down> = {}): Down => ({
  kind: "down", button: "left", isAlt: false, isShift: false, isPan: false, isTouch: false, isEraserEnd: false, ...at(x, y), ...more,
});
const move = (x: number, y: number): ToolEvent => ({ kind: "move", ...at(x, y), path: [at(x, y).image] });
const up = (x: number, y: number): ToolEvent => ({ kind: "up", ...at(x, y) });
const click = (x: number, y: number, more: Partial<Down> = {}): ToolEvent[] => [down(x, y, more), up(x, y)];

function play(events: ToolEvent[], context: Context): { gesture: Gesture; effects: Effect[] } {
  let gesture = IDLE;
  const effects: Effect[] = [];
  for (const event of events) {
    const outcome = transition(gesture, event, context);
    gesture = outcome.gesture;
    effects.push(...outcome.effects);
  }
  return { gesture, effects };
}
const point = (x: number, y: number) => imagePoint(x, y);
const stroke = (path: [number, number][], erases = false): Effect => ({ kind: "paint", stroke: { path: path.map(([x, y]) => point(x, y)), radius: 5, erases } });

describe("brush and eraser", () => {
  test.each<[string, ToolName, ToolEvent[], Effect[]]>([
    ["a press alone paints", "brush", click(20, 10), [stroke([[20, 10]])]],
    ["a press alone erases", "eraser", click(20, 10), [stroke([[20, 10]], true)]],
    ["a drag is one stroke", "brush", [down(20, 10), move(25, 10), move(30, 12), up(31, 12)], [stroke([[20, 10], [25, 10], [30, 12], [31, 12]])]],
    ["what nobody sees is left out", "brush", [down(20, 10), move(20.1, 10), move(20.2, 10), up(20.2, 10)], [stroke([[20, 10], [20.2, 10]])]],
    ["Alt erases with the brush", "brush", click(20, 10, { isAlt: true }), [stroke([[20, 10]], true)]],
    ["Alt paints with the eraser", "eraser", click(20, 10, { isAlt: true }), [stroke([[20, 10]], false)]],
    ["the pen's other end erases, whatever the tool", "point", click(20, 10, { isEraserEnd: true }), [stroke([[20, 10]], true)]],
    ["a stroke may begin outside the photo", "brush", [down(-5, 10), move(5, 10), up(5, 10)], [stroke([[-5, 10], [5, 10]])]],
    ["a cancelled stroke never was", "brush", [down(20, 10), move(30, 10), { kind: "cancel" }, up(30, 10)], []],
  ])("%s", (_, tool, events, effects) => {
    expect(play(events, holding(tool))).toEqual({ gesture: IDLE, effects });
  });

  test("Shift draws a straight line from the end of the last stroke", () => {
    const context = holding("brush", { lastPainted: point(3, 4) });
    expect(play(click(20, 10, { isShift: true }), context).effects).toEqual([stroke([[3, 4], [20, 10]])]);
    expect(play(click(20, 10, { isShift: true }), holding("brush")).effects).toEqual([stroke([[20, 10]])]);
  });

  test("the swap turns the brush round, not the eraser", () => {
    expect(play(click(20, 10), holding("brush", { isSwapped: true })).effects).toEqual([stroke([[20, 10]], true)]);
    expect(play(click(20, 10), holding("eraser", { isSwapped: true })).effects).toEqual([stroke([[20, 10]], true)]);
  });
});

describe("a second finger, or a pointer that the browser takes", () => {
  const unpress: ToolEvent = { kind: "unpress" };
  const line = [...click(20, 10), ...click(60, 10)];

  test("takes back what this press has begun, not the line before it", () => {
    const lasso = { vertices: [point(20, 10), point(60, 10)], erases: false };
    expect(play([...line, down(60, 50), unpress], holding("lasso")).gesture).toMatchObject({ kind: "lassoing", lasso, down: null });
    const freehand = [down(60, 50), move(50, 50), move(40, 55), unpress];
    expect(lassoLineOf(play([...line, ...freehand], holding("lasso")).gesture)?.vertices.slice(0, 2)).toEqual([point(20, 10), point(60, 10)]);
    expect(play([...line, ...freehand, ...click(60, 50), { kind: "finish" }], holding("lasso")).effects).toEqual([
      { kind: "lasso", lasso: { vertices: [point(20, 10), point(60, 10), point(60, 50)], erases: false } },
    ]);
  });

  test("leaves nothing of a first press, a stroke or a dragged box, and the first corner of a box", () => {
    expect(play([down(20, 10), move(30, 10), unpress], holding("lasso")).gesture).toEqual(IDLE);
    expect(play([down(20, 10), move(30, 10), unpress], holding("brush"))).toEqual({ gesture: IDLE, effects: [] });
    expect(play([down(20, 10), move(40, 30), unpress], holding("box")).gesture).toEqual(IDLE);
    const corner: ToolEvent = { kind: "corner", image: point(20, 10) };
    expect(play([corner, down(40, 30), unpress], holding("box")).gesture).toMatchObject({ kind: "cornered", down: null });
    expect(play([...line, down(5, 5, { isPan: true }), unpress], holding("lasso")).gesture.kind).toBe("lassoing");
  });
});

describe("the lasso", () => {
  const square: [number, number][] = [[20, 10], [60, 10], [60, 50], [20, 50]];
  const lasso = (vertices: [number, number][], erases = false): Effect => ({ kind: "lasso", lasso: { vertices: vertices.map(([x, y]) => point(x, y)), erases } });
  const clicks = square.flatMap(([x, y]) => click(x, y));

  test.each<[string, ToolEvent[], Effect[]]>([
    ["corner by corner, closed by Enter", [...clicks, { kind: "finish" }], [lasso(square)]],
    ["closed on its first point", [...clicks, ...click(21, 11)], [lasso(square)]],
    ["closed by a double click", [...clicks, ...click(20, 50)], [lasso(square)]],
    ["drawn in one go", [down(20, 10), move(60, 10), move(60, 50), move(20, 50), up(20, 50)], [lasso(square)]],
    ["Alt at the first corner takes away", [...click(20, 10, { isAlt: true }), ...clicks.slice(2), { kind: "finish" }], [lasso(square, true)]],
    ["two corners are nothing", [...clicks.slice(0, 4), { kind: "finish" }], []],
    ["a corner taken back", [...clicks, ...click(5, 70), { kind: "back" }, { kind: "finish" }], [lasso(square)]],
    ["corners stay inside the photo", [...click(-5, -5), ...click(300, 10), ...click(50, 300), { kind: "finish" }], [lasso([[0, 0], [100, 10], [50, 80]])]],
  ])("%s", (_, events, effects) => {
    expect(play(events, holding("lasso"))).toEqual({ gesture: IDLE, effects });
  });

  test("Space moves the view meanwhile, and the line is still there", () => {
    const { gesture, effects } = play([...clicks.slice(0, 4), down(50, 50, { isPan: true }), move(55, 50), up(55, 50)], holding("lasso"));
    expect(effects).toEqual([{ kind: "pan", dx: 10, dy: 0 }]);
    expect(lassoLineOf(gesture)?.vertices.slice(0, 2)).toEqual(square.slice(0, 2).map(([x, y]) => point(x, y)));
  });
});

describe("the box tool", () => {
  const box: Effect = { kind: "prompt", prompt: { type: "box", x1: 20, y1: 10, x2: 60, y2: 50, candidate: null } };
  test.each<[string, ToolEvent[]]>([
    ["a drag", [down(20, 10), move(60, 50), up(60, 50)]],
    ["two clicks", [...click(20, 10), move(40, 40), ...click(60, 50)]],
    ["two corners by key", [{ kind: "corner", image: point(20, 10) }, { kind: "corner", image: point(60, 50) }]],
    ["a corner by key, the other by a click", [{ kind: "corner", image: point(20, 10) }, ...click(60, 50)]],
  ])("%s", (_, events) => {
    expect(play(events, holding("box"))).toEqual({ gesture: IDLE, effects: [box] });
  });
});

test("a finger that rests means a point off the object, once", () => {
  const events: ToolEvent[] = [down(20, 10, { isTouch: true }), { kind: "longPress" }, move(30, 10), up(30, 10)];
  expect(play(events, holding("point"))).toEqual({ gesture: IDLE, effects: [{ kind: "prompt", prompt: { type: "point", x: 20, y: 10, label: 0, candidate: null } }] });
});

test("whatever happens: one change for one press at most, and cancel leaves nothing open", () => {
  const place = fc.tuple(fc.integer({ min: -20, max: 120 }), fc.integer({ min: -20, max: 100 }));
  const flags = fc.record({ isAlt: fc.boolean(), isShift: fc.boolean(), isPan: fc.boolean(), isTouch: fc.boolean(), isEraserEnd: fc.boolean() });
  const anyEvent = fc.oneof(
    fc.tuple(place, flags).map(([[x, y], more]) => down(x, y, more)),
    place.map(([x, y]) => move(x, y)),
    place.map(([x, y]) => up(x, y)),
    place.map(([x, y]): ToolEvent => ({ kind: "corner", image: point(x, y) })),
    fc.constantFrom<ToolEvent>({ kind: "cancel" }, { kind: "finish" }, { kind: "back" }, { kind: "longPress" }),
  );
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), fc.constantFrom(...TOOL_NAMES), (events, tool) => {
      const { effects } = play(events, holding(tool));
      const changes = effects.filter(({ kind }) => kind !== "pan");
      const presses = events.filter(({ kind }) => kind === "down" || kind === "corner" || kind === "finish");
      expect(changes.length).toBeLessThanOrEqual(presses.length);
      expect(play([...events, { kind: "cancel" }], holding(tool)).gesture).toEqual(IDLE);
    }),
  );
});
