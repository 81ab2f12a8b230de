// The stage: what the pointer and the keys do becomes gestures, gestures become changes; the renderer is fed from the store.
import {
  clampToImage, type ImagePoint, imagePoint, isInside, type ScreenPoint, screenPoint, toImage, toScreen,
} from "../canvas/geometry";
import { createRenderer, type Renderer } from "../canvas/render/renderer";
import { type Effect, type Gesture, IDLE, type ToolEvent } from "../canvas/tools/gesture";
import { boxOf, pointPrompt } from "../canvas/tools/pointing";
import { isOpen, transition } from "../canvas/tools/tool";
import { words } from "../words/workspace";
import { onDensityChange } from "./density";
import { createFinger } from "./finger";
import { listenToPointers } from "./pointerInput";
import type { Session } from "./session";
import { reportFacts } from "./stageFacts";
import { docOf, draftRleOf, isShown, sceneMasksOf, selectedMaskOf, type WorkspaceState } from "./state";
import { createStrokes } from "./strokes";
import { createViewing } from "./viewing";

export interface Stage {
  readonly renderer: Renderer;
  fit(): void;
  actualSize(): void;
  zoom(factor: number): void;
  /** The selected mask as large as the view; again: what was seen before. */
  zoomToMask(): void;
  setSpace(isHeld: boolean): void;
  /** Hides the masks for as long as a key is held. */
  setPeek(isHeld: boolean): void;
  /** Moves the keyboard's crosshair by screen pixels. */
  moveCrosshair(dx: number, dy: number): void;
  /** Where the crosshair is, else where the pointer is: a point, a corner of the lasso, a dab of the brush. */
  placePoint(label: 0 | 1): void;
  /** Marks the first corner of a box, then the second: a box without dragging. */
  markCorner(): void;
  /** Closes the lasso's line; false when there is none. */
  finish(): boolean;
  /** Takes back the last corner of a line or a box; false when there is none. */
  takeBack(): boolean;
  /** Ends a gesture; false when there was none. */
  cancel(): boolean;
  close(): void;
}

const RING_AFTER_MS = 150;
const WHEEL_STEP = 0.0015;
const TOUCH_MS = 1000;

export function attachStage(element: HTMLElement, { store, editing, hover, closer }: Session): Stage {
  const isMotionReduced = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const renderer = createRenderer(element, { isMotionReduced });
  const viewing = createViewing((viewport) => {
    renderer.update({ viewport });
    const { scale, left, top } = viewport;
    for (const [name, value] of Object.entries({ scale, left, top })) element.dataset[name] = String(value);
    lookCloser();
  });
  const strokes = createStrokes(store, renderer);
  const finger = createFinger(() => showPointer());
  let gesture: Gesture = IDLE;
  let touchedAt = 0;
  let lastPainted: ImagePoint | null = null;
  let cursor: ScreenPoint | null = null;
  let crosshair: ImagePoint | null = null;
  let isSpaceHeld = false;
  let isPeeking = false;
  let ringTimer: ReturnType<typeof setTimeout> | undefined;

  const pointed = (): ImagePoint | null => crosshair ?? (cursor === null ? null : toImage(viewing.viewport(), cursor));

  const sync = (state: WorkspaceState, before: WorkspaceState | null): void => {
    const isOther = state.work?.image.id !== before?.work?.image.id;
    if (isOther && state.work !== null) {
      [gesture, crosshair, lastPainted] = [IDLE, null, null];
      viewing.open({ width: state.work.image.width, height: state.work.image.height });
    }
    if (state.tool !== before?.tool && isOpen(gesture)) gesture = IDLE;
    const doc = docOf(state);
    renderer.update({
      picture: state.picture,
      imageSize: viewing.image(),
      ...sceneMasksOf(state),
      alsoSelected: state.alsoSelected,
      view: state.toolSettings.view,
      soloId: state.soloId,
      areMasksHidden: isPeeking || state.areMasksHidden,
      draft: draftRleOf(state),
      prompts: doc.draft.prompts,
    });
    strokes.sync();
    showPending(state, before);
    const bounds = selectedMaskOf(state)?.bounds;
    if (!isOther && state.selectedId !== before?.selectedId && bounds !== undefined) viewing.follow(bounds);
    showPointer();
    report();
  };

  const showPending = (state: WorkspaceState, before: WorkspaceState | null): void => {
    const isAsking = state.asked.state.kind === "asking";
    if (isAsking === (before?.asked.state.kind === "asking")) return;
    clearTimeout(ringTimer);
    if (isAsking) ringTimer = setTimeout(() => renderer.update({ isPending: true }), RING_AFTER_MS);
    else renderer.update({ isPending: false });
  };

  /** What is on the screen, to be encoded for itself when it is little. */
  const lookCloser = (): void => {
    const { work } = store.getState();
    const image = viewing.image();
    const at = (x: number, y: number): ImagePoint => clampToImage(toImage(viewing.viewport(), screenPoint(x, y)), image);
    const [low, high] = [at(0, 0), at(viewing.view().width, viewing.view().height)];
    closer.look(work === null ? null : { imageId: work.image.id, image, box: { x1: low.x, y1: low.y, x2: high.x, y2: high.y } });
  };

  const report = (): void => reportFacts(element, store.getState(), renderer);

  const showPointer = (): void => {
    const { tool, toolSettings } = store.getState();
    const isPan = tool === "pan" || isSpaceHeld;
    const name = gesture.kind === "panning" ? "grabbing" : isPan ? "grab" : tool === "select" ? "default" : "crosshair";
    if (element.style.cursor !== name) element.style.cursor = name;
    const at = pointed();
    const isBrush = (tool === "brush" || tool === "eraser") && !isPan && at !== null;
    renderer.update({
      cursor,
      crosshair,
      box: boxOf(gesture, viewing.image()),
      brush: isBrush ? { at, radius: toolSettings.radius } : null,
      loupe: finger.aimedAt(gesture, tool),
    });
    strokes.show(gesture);
  };

  const send = (event: ToolEvent): void => {
    const { tool, toolSettings, isSwapped } = store.getState();
    const before = gesture;
    finger.follow(event);
    const context = { tool, isSwapped, lastPainted, radius: toolSettings.radius, image: viewing.image(), scale: viewing.viewport().scale };
    const outcome = transition(gesture, event, context);
    gesture = outcome.gesture;
    if (gesture.kind === "painting" && before.kind !== "painting" && gesture.stroke.erases) strokes.findTarget(gesture.stroke, editing);
    for (const effect of outcome.effects) perform(effect);
    // A hand that draws is at work, however long the line.
    const isAtWork = event.kind === "down" || event.kind === "up" || (event.kind === "move" && gesture.kind !== "idle");
    if (isAtWork && performance.now() - touchedAt > TOUCH_MS) {
      touchedAt = performance.now();
      editing.touch();
    }
    const isGestureOpen = gesture.kind === "lassoing" || gesture.kind === "cornered";
    if (isGestureOpen !== store.getState().isGestureOpen) store.setState({ isGestureOpen });
    showPointer();
  };

  const perform = (effect: Effect): void => {
    switch (effect.kind) {
      case "prompt":
        return editing.addPrompt(effect.prompt);
      case "select":
        return editing.selectAt(effect.at, effect.isAdding);
      case "pan":
        return viewing.pan(effect.dx, effect.dy);
      case "paint":
        lastPainted = effect.stroke.path.at(-1) ?? null;
        return strokes.settle(effect.stroke, () => editing.paint(effect.stroke));
      case "lasso":
        return editing.lasso(effect.lasso);
    }
  };

  /** The mask that a click here would give, while no button is down. */
  const lookAhead = (at: ImagePoint | null): void => {
    if (gesture.kind === "pressed") return; // it stays until the mask itself is there
    const isClickable = gesture.kind === "idle" && !isSpaceHeld && !store.getState().isSwapped;
    hover.moveTo(at !== null && isClickable && isInside(at, viewing.image()) ? pointPrompt(at, 1) : null);
  };

  const placeOf = ({ clientX, clientY }: { clientX: number; clientY: number }): { screen: ScreenPoint; image: ImagePoint } => {
    const box = element.getBoundingClientRect();
    const screen = screenPoint(clientX - box.left, clientY - box.top);
    return { screen, image: toImage(viewing.viewport(), screen) };
  };

  const listeners = new AbortController();
  listenToPointers(
    element,
    {
      isWorking: () => isShown(store.getState().phase),
      isSpaceHeld: () => isSpaceHeld,
      isPenMode: () => store.getState().toolSettings.isPenMode === true,
      placeOf,
      send,
      pinch: viewing.pinch,
      hover(place) {
        [cursor, crosshair] = place === null ? [null, crosshair] : [place.screen, null];
        showPointer();
        lookAhead(place?.image ?? null);
      },
      saw(pointerType) {
        const { isTouched, toolSettings } = store.getState();
        if (!isTouched) store.setState({ isTouched: true });
        if (pointerType !== "pen" || toolSettings.isPenMode !== null) return;
        store.setState({ toolSettings: { ...toolSettings, isPenMode: true }, announcement: words.announce.penMode });
      },
    },
    listeners.signal,
  );
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    // A pinch on a trackpad comes as a wheel with Ctrl and small steps.
    viewing.zoom(placeOf(event).screen, Math.exp(-pixels * WHEEL_STEP * (event.ctrlKey ? 6 : 1)));
    showPointer();
  };
  element.addEventListener("wheel", onWheel, { passive: false, signal: listeners.signal });

  const resize = (): void => {
    const view = { width: element.clientWidth, height: element.clientHeight };
    renderer.resize(view.width, view.height);
    viewing.resize(view);
  };
  const resizes = new ResizeObserver(resize);
  resizes.observe(element);
  const stopWatching = onDensityChange(resize);
  renderer.onSettledChange(() => {
    strokes.forget();
    report();
  });
  const unsubscribe = store.subscribe(sync);
  const unlisten = hover.listen((rle) => {
    renderer.update({ hover: rle });
    element.dataset["hover"] = String(rle !== null);
  });
  sync(store.getState(), null);

  return {
    renderer,
    fit: viewing.fit,
    actualSize: () => viewing.actualSize(cursor),
    zoomToMask: () => viewing.zoomTo(selectedMaskOf(store.getState())?.bounds ?? null),
    zoom: (factor) => viewing.zoom(cursor, factor),
    setSpace(isHeld) {
      isSpaceHeld = isHeld;
      showPointer();
    },
    setPeek(isHeld) {
      isPeeking = isHeld;
      renderer.update({ areMasksHidden: isHeld || store.getState().areMasksHidden });
    },
    moveCrosshair(dx, dy) {
      const [image, viewport] = [viewing.image(), viewing.viewport()];
      const from = toScreen(viewport, pointed() ?? imagePoint(image.width / 2, image.height / 2));
      crosshair = clampToImage(toImage(viewport, screenPoint(from.x + dx, from.y + dy)), image);
      send({ kind: "move", screen: toScreen(viewport, crosshair), image: crosshair, path: [] });
    },
    placePoint(label) {
      const at = pointed();
      if (at === null || !isInside(at, viewing.image())) return;
      const { tool } = store.getState();
      if (tool === "point" || tool === "select" || tool === "pan") return editing.addPrompt(pointPrompt(at, label));
      const place = { screen: toScreen(viewing.viewport(), at), image: at };
      const keys = { isAlt: label === 0, isShift: false, isPan: false, isTouch: false, isEraserEnd: false };
      send({ kind: "down", button: "left", ...place, ...keys });
      send({ kind: "up", ...place });
    },
    markCorner() {
      const at = pointed();
      if (at === null) return;
      const isFirst = gesture.kind !== "cornered";
      send({ kind: "corner", image: at });
      if (isFirst) store.setState({ announcement: words.notice.boxCorner, notice: words.notice.boxCorner });
      else store.setState({ notice: null });
    },
    finish: () => sendIf(gesture.kind === "lassoing", "finish"),
    takeBack: () => sendIf(gesture.kind === "lassoing" || gesture.kind === "cornered", "back"),
    cancel: () => sendIf(isOpen(gesture), "cancel"),
    close() {
      clearTimeout(ringTimer);
      finger.close();
      listeners.abort();
      resizes.disconnect();
      stopWatching();
      unsubscribe();
      unlisten();
      renderer.close();
    },
  };

  function sendIf(isDue: boolean, kind: "finish" | "back" | "cancel"): boolean {
    if (isDue) send({ kind });
    return isDue;
  }
}
