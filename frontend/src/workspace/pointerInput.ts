// Mouse, pen and fingers, told to the tools. Two fingers move the view and take back what the first one had begun.
import type { ImagePoint, ScreenPoint } from "../canvas/geometry";
import type { Button, ToolEvent } from "../canvas/tools/gesture";

interface Place {
  readonly screen: ScreenPoint;
  readonly image: ImagePoint;
}

interface PointerTarget {
  isWorking(): boolean;
  isSpaceHeld(): boolean;
  /** A pen is in use: fingers only move the view. */
  isPenMode(): boolean;
  placeOf(at: { clientX: number; clientY: number }): Place;
  send(event: ToolEvent): void;
  pinch(from: readonly [ScreenPoint, ScreenPoint], to: readonly [ScreenPoint, ScreenPoint]): void;
  hover(place: Place | null): void;
  saw(pointerType: "touch" | "pen"): void;
}

const BUTTONS: readonly (Button | undefined)[] = ["left", "middle", "right"];
/** The pen's other end, among `buttons` (Pointer Events, 10.1). */
const ERASER_END = 32;
const ERASER_BUTTON = 5;
const LONG_PRESS_MS = 500;

export function listenToPointers(element: HTMLElement, target: PointerTarget, signal: AbortSignal): void {
  const fingers = new Map<number, ScreenPoint>();
  // The pointer whose press the tools know of.
  let activeId: number | null = null;
  let isPinching = false;
  let resting: ReturnType<typeof setTimeout> | undefined;

  const on = <Name extends "pointerdown" | "pointermove" | "pointerup" | "pointercancel" | "pointerleave">(
    name: Name,
    listener: (event: PointerEvent) => void,
  ): void => element.addEventListener(name, listener, { signal });

  const press = (event: PointerEvent): void => {
    const isTouch = event.pointerType === "touch";
    const isEraserEnd = (event.buttons & ERASER_END) !== 0;
    const button = isEraserEnd || event.button === ERASER_BUTTON ? "left" : BUTTONS[event.button];
    if (button === undefined) return;
    activeId = event.pointerId;
    const isPan = target.isSpaceHeld() || (isTouch && target.isPenMode());
    const keys = { isAlt: event.altKey, isShift: event.shiftKey };
    target.send({ kind: "down", button, ...target.placeOf(event), ...keys, isPan, isTouch, isEraserEnd });
    if (isTouch) resting = setTimeout(() => target.send({ kind: "longPress" }), LONG_PRESS_MS);
  };

  /** What was begun never was. */
  const unpress = (): void => {
    clearTimeout(resting);
    if (activeId !== null) target.send({ kind: "unpress" });
    activeId = null;
  };

  const beginPinch = (): void => {
    unpress();
    isPinching = true;
  };

  /** The hand that writes came down before its pen: nothing that it touched was meant. */
  const forgetFingers = (): void => {
    unpress();
    fingers.clear();
    isPinching = false;
  };

  const movePinch = (event: PointerEvent): void => {
    const [a, b] = [...fingers.keys()];
    const before = [a, b].map((id) => fingers.get(id ?? -1));
    fingers.set(event.pointerId, target.placeOf(event).screen);
    const after = [a, b].map((id) => fingers.get(id ?? -1));
    if (before[0] && before[1] && after[0] && after[1]) target.pinch([before[0], before[1]], [after[0], after[1]]);
  };

  const release = (event: PointerEvent, kind: "up" | "unpress"): void => {
    fingers.delete(event.pointerId);
    if (isPinching) isPinching = fingers.size > 0;
    if (event.pointerId !== activeId) return;
    clearTimeout(resting);
    activeId = null;
    target.send(kind === "up" ? { kind, ...target.placeOf(event) } : { kind });
  };

  on("pointerdown", (event) => {
    if (!target.isWorking()) return;
    event.preventDefault();
    element.focus({ preventScroll: true });
    if (event.pointerType !== "mouse") target.saw(event.pointerType === "pen" ? "pen" : "touch");
    const isFinger = event.pointerType === "touch";
    if (event.pointerType === "pen" && fingers.size > 0) forgetFingers();
    // A hand that rests on the screen while the pen writes.
    if (isFinger && activeId !== null && !fingers.has(activeId)) return;
    element.setPointerCapture(event.pointerId);
    if (isFinger) fingers.set(event.pointerId, target.placeOf(event).screen);
    if (fingers.size > 1) return beginPinch();
    if (!isPinching && activeId === null) press(event);
  });
  on("pointermove", (event) => {
    if (isPinching) {
      if (fingers.has(event.pointerId)) movePinch(event);
      return;
    }
    if (activeId !== null && event.pointerId !== activeId) return;
    const place = target.placeOf(event);
    target.hover(place);
    // Missing on plain HTTP in Firefox, and in Safari before 18.2.
    const events = (event as Partial<Pick<PointerEvent, "getCoalescedEvents">>).getCoalescedEvents?.() ?? [];
    const path = (events.length === 0 ? [event] : events).map((part) => target.placeOf(part).image);
    target.send({ kind: "move", ...place, path });
  });
  on("pointerup", (event) => release(event, "up"));
  on("pointercancel", (event) => release(event, "unpress"));
  on("pointerleave", () => target.hover(null));
  for (const name of ["contextmenu", "auxclick"] as const) element.addEventListener(name, (event) => event.preventDefault(), { signal });
}
