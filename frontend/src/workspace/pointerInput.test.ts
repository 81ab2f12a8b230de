// What the tools are told of hands and pens that touch at the same time.
import { afterEach, expect, test, vi } from "vitest";
import { imagePoint, screenPoint } from "../canvas/geometry";
import { listenToPointers } from "./pointerInput";

const listeners = new AbortController();
afterEach(() => vi.useRealTimers());

function listening(isPenMode: boolean, isSecure = true) {
  const element = document.createElement("div");
  element.setPointerCapture = () => undefined;
  const sent: string[] = [];
  const pinch = vi.fn();
  listenToPointers(
    element,
    {
      isWorking: () => true,
      isSpaceHeld: () => false,
      isPenMode: () => isPenMode,
      placeOf: ({ clientX, clientY }) => ({ screen: screenPoint(clientX, clientY), image: imagePoint(clientX, clientY) }),
      send: (event) => void sent.push(event.kind === "down" ? (event.isTouch ? "finger" : "pen") : event.kind),
      pinch,
      hover: () => undefined,
      saw: () => undefined,
    },
    listeners.signal,
  );
  const at = (name: string, pointerType: string, pointerId: number, x = 0): void => {
    // jsdom has no pointer events.
    const event = new MouseEvent(name, { clientX: x });
    element.dispatchEvent(Object.assign(event, { pointerType, pointerId, ...(isSecure ? { getCoalescedEvents: () => [] } : {}) }));
  };
  return { at, sent, pinch };
}

for (const isPenMode of [false, true]) {
  for (const palms of [[1], [1, 2]]) {
    test(`a pen writes on although ${palms.length} parts of the hand came down before it, pen mode ${isPenMode}`, () => {
      vi.useFakeTimers();
      const { at, sent, pinch } = listening(isPenMode);
      for (const id of palms) at("pointerdown", "touch", id);
      sent.length = 0;
      at("pointerdown", "pen", 9);
      vi.runAllTimers(); // no finger has rested
      at("pointermove", "touch", 1, 30);
      at("pointermove", "pen", 9, 10);
      for (const id of palms) at("pointerup", "touch", id);
      at("pointerup", "pen", 9, 10);
      expect(sent).toEqual([...(palms.length === 1 ? ["unpress"] : []), "pen", "move", "up"]);
      expect(pinch).not.toHaveBeenCalled();
      at("pointerdown", "touch", 3);
      expect(sent.at(-1)).toBe("finger");
    });
  }
}

test("over plain HTTP, where no events are gathered, a drag is a drag", () => {
  const { at, sent } = listening(false, false);
  at("pointerdown", "mouse", 1);
  at("pointermove", "mouse", 1, 30);
  at("pointerup", "mouse", 1, 30);
  expect(sent.slice(1)).toEqual(["move", "up"]);
});
