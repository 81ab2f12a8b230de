// The stage: turns pointer, wheel and held keys into tool events and moves the view; feeds the renderer from the store.
import {
  around, boxBetween, centred, clampToImage, fit, type ImageBox, imagePoint, type ImagePoint, isInside, keepVisible, panBy,
  scaleLimits, type ScreenPoint, screenPoint, type Size, toImage, toScreen, type Viewport, zoomAt,
} from "../canvas/geometry";
import { createRenderer, type Renderer } from "../canvas/render/renderer";
import { type Button, boxOf, boxPrompt, IDLE, pointPrompt, type ToolEvent, transition } from "../canvas/tools/tool";
import type { Bounds } from "../canvas/document";
import type { Session } from "./session";
import { docOf, draftRleOf, reviewIn, sceneMasksOf, shownOf, type WorkspaceState } from "./state";
import { strings } from "./strings";

export interface Stage {
  readonly renderer: Renderer;
  fit(): void;
  actualSize(): void;
  zoom(factor: number): void;
  /** The selected mask as large as the view; again: what was seen before. */
  zoomToMask(): void;
  setSpace(isHeld: boolean): void;
  /** Moves the keyboard's crosshair by screen pixels. */
  moveCrosshair(dx: number, dy: number): void;
  /** A point where the crosshair is, else where the pointer is. */
  placePoint(label: 0 | 1): void;
  /** Marks the first corner of a box, then the second: a box without dragging. */
  markCorner(): void;
  /** Ends a gesture; false when there was none. */
  cancel(): boolean;
  close(): void;
}

const RING_AFTER_MS = 150;
const WHEEL_STEP = 0.0015;
const BUTTONS: readonly (Button | undefined)[] = ["left", "middle", "right"];

export function attachStage(element: HTMLElement, { store, editing }: Session): Stage {
  const isMotionReduced = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const renderer = createRenderer(element, { isMotionReduced });
  let view: Size = { width: 1, height: 1 };
  let image: Size = { width: 1, height: 1 };
  let viewport: Viewport = { scale: 1, left: 0, top: 0 };
  // Before rounding, so that many small moves add up to what the hand did.
  let exact = viewport;
  let isFitted = true;
  let beforeZoom: Viewport | null = null;
  let gesture = IDLE;
  let cursor: ScreenPoint | null = null;
  let crosshair: ImagePoint | null = null;
  let corner: ImagePoint | null = null;
  let isSpaceHeld = false;
  let ringTimer: ReturnType<typeof setTimeout> | undefined;

  const look = (next: Viewport): void => {
    exact = next;
    const { scale, left, top } = next;
    // Whole device pixels: panning then moves what is drawn instead of drawing it again.
    const whole = (place: number): number => Math.round(place * devicePixelRatio) / devicePixelRatio;
    viewport = { scale, left: whole(left), top: whole(top) };
    renderer.update({ viewport });
    element.dataset["scale"] = String(viewport.scale);
    element.dataset["left"] = String(viewport.left);
    element.dataset["top"] = String(viewport.top);
  };
  const fitNow = (): void => {
    [isFitted, beforeZoom] = [true, null];
    look(fit(image, view));
  };
  const zoomBy = (at: ScreenPoint, factor: number): void => {
    [isFitted, beforeZoom] = [false, null];
    look(keepVisible(zoomAt(exact, at, factor, scaleLimits(image, view)), image, view));
  };

  const selectedBounds = (state: WorkspaceState): Bounds | null =>
    state.selectedId === null ? null : (docOf(state).masks[state.selectedId]?.bounds ?? null);
  /** Moves the view when a mask selected by key lies outside it; a view zoomed to a mask follows to the next. */
  const follow = (bounds: Bounds): void => {
    if (beforeZoom !== null) return look(around(bounds, image, view));
    const centre = toScreen(viewport, imagePoint(bounds.x + bounds.width / 2, bounds.y + bounds.height / 2));
    const isSeen = centre.x >= 0 && centre.y >= 0 && centre.x <= view.width && centre.y <= view.height;
    if (!isSeen) look(panBy(exact, view.width / 2 - centre.x, view.height / 2 - centre.y, image, view));
  };

  const sync = (state: WorkspaceState, before: WorkspaceState | null): void => {
    const isOther = state.work?.image.id !== before?.work?.image.id;
    if (isOther && state.work !== null) {
      image = { width: state.work.image.width, height: state.work.image.height };
      [gesture, corner, crosshair] = [IDLE, null, null];
      fitNow();
    }
    const doc = docOf(state);
    const isSameMasks =
      before !== null &&
      docOf(before).masks === doc.masks &&
      docOf(before).draft.base === doc.draft.base &&
      before.categories === state.categories &&
      before.minIou === state.minIou;
    renderer.update({
      picture: state.picture,
      imageSize: image,
      ...(isSameMasks ? {} : { masks: sceneMasksOf(doc, state.categories, state.minIou) }),
      selectedId: state.selectedId,
      soloId: state.soloId,
      areMasksHidden: state.areMasksHidden,
      draft: draftRleOf(state),
      prompts: doc.draft.prompts,
    });
    const isAsking = state.asked.state.kind === "asking";
    if (isAsking !== (before?.asked.state.kind === "asking")) {
      clearTimeout(ringTimer);
      if (isAsking) ringTimer = setTimeout(() => renderer.update({ isPending: true }), RING_AFTER_MS);
      else renderer.update({ isPending: false });
    }
    const bounds = selectedBounds(state);
    if (!isOther && state.selectedId !== before?.selectedId && bounds !== null) follow(bounds);
    showCursor();
    report();
  };

  /** What browser tests wait for. */
  const report = (): void => {
    const state = store.getState();
    const shown = shownOf(state);
    const isWorking = state.phase.kind === "working";
    const isBusy = state.asked.state.kind === "asking" || state.isFinishing || !renderer.isSettled();
    const facts = {
      ready: isWorking && state.isPictureSharp,
      busy: isBusy,
      image: state.work?.image.id ?? "",
      masks: docOf(state).order.length,
      points: docOf(state).draft.prompts.length,
      proposals: reviewIn(state).left,
      selected: state.selectedId === null ? "" : (docOf(state).masks[state.selectedId]?.number ?? ""),
      candidates: shown?.isFresh ? shown.answer.masks.length : 0,
    };
    for (const [name, value] of Object.entries(facts)) {
      if (element.dataset[name] !== String(value)) element.dataset[name] = String(value);
    }
  };

  const showCursor = (): void => {
    const { tool } = store.getState();
    const isPan = tool === "pan" || isSpaceHeld;
    const name = gesture.kind === "panning" ? "grabbing" : isPan ? "grab" : tool === "select" ? "default" : "crosshair";
    if (element.style.cursor !== name) element.style.cursor = name;
  };

  const currentBox = (): ImageBox | null => {
    if (corner === null) return boxOf(gesture, image);
    const to = pointed();
    return to === null ? null : boxBetween(corner, to, image);
  };
  const pointed = (): ImagePoint | null => crosshair ?? (cursor === null ? null : toImage(viewport, cursor));
  const updatePointer = (): void => renderer.update({ cursor, crosshair, box: currentBox() });

  const send = (event: ToolEvent): void => {
    const outcome = transition(gesture, event, { tool: store.getState().tool, image });
    gesture = outcome.gesture;
    for (const effect of outcome.effects) {
      if (effect.kind === "prompt") editing.addPrompt(effect.prompt);
      if (effect.kind === "select") editing.selectAt(effect.at);
      if (effect.kind === "pan") {
        isFitted = false;
        look(panBy(exact, effect.dx, effect.dy, image, view));
      }
    }
    showCursor();
    updatePointer();
  };

  const placeOf = (event: MouseEvent): { screen: ScreenPoint; image: ImagePoint } => {
    const box = element.getBoundingClientRect();
    const screen = screenPoint(event.clientX - box.left, event.clientY - box.top);
    return { screen, image: toImage(viewport, screen) };
  };

  const listeners = new AbortController();
  const on = <Name extends keyof HTMLElementEventMap>(
    name: Name,
    listener: (event: HTMLElementEventMap[Name]) => void,
    options: AddEventListenerOptions = {},
  ): void => element.addEventListener(name, listener, { ...options, signal: listeners.signal });

  on("pointerdown", (event) => {
    const button = BUTTONS[event.button];
    if (button === undefined || !event.isPrimary || store.getState().phase.kind !== "working") return;
    element.focus({ preventScroll: true });
    element.setPointerCapture(event.pointerId);
    [crosshair, corner] = [null, null];
    const held = { isAlt: event.altKey, isSpace: isSpaceHeld, isTouch: event.pointerType === "touch" };
    send({ kind: "down", button, ...placeOf(event), ...held });
    event.preventDefault();
  });
  on("pointermove", (event) => {
    if (!event.isPrimary) return;
    const place = placeOf(event);
    cursor = place.screen;
    crosshair = null;
    if (gesture.kind !== "idle") send({ kind: "move", ...place });
    else updatePointer();
  });
  on("pointerup", (event) => send({ kind: "up", ...placeOf(event) }));
  on("pointercancel", () => send({ kind: "cancel" }));
  on("pointerleave", () => {
    cursor = null;
    updatePointer();
  });
  on("contextmenu", (event) => event.preventDefault());
  on("auxclick", (event) => event.preventDefault());
  on(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
      // A pinch on a trackpad comes as a wheel with Ctrl and small steps.
      zoomBy(placeOf(event).screen, Math.exp(-pixels * WHEEL_STEP * (event.ctrlKey ? 6 : 1)));
      updatePointer();
    },
    { passive: false },
  );

  const resizes = new ResizeObserver(() => {
    view = { width: element.clientWidth, height: element.clientHeight };
    renderer.resize(view.width, view.height);
    look(isFitted ? fit(image, view) : keepVisible(exact, image, view));
  });
  resizes.observe(element);
  renderer.onSettledChange(report);
  const unsubscribe = store.subscribe(sync);
  sync(store.getState(), null);

  return {
    renderer,
    fit: fitNow,
    actualSize() {
      isFitted = false;
      const next = centred(image, view, 1 / devicePixelRatio);
      look(cursor === null ? next : zoomAt(viewport, cursor, next.scale / viewport.scale, scaleLimits(image, view)));
    },
    zoomToMask() {
      const bounds = selectedBounds(store.getState());
      if (beforeZoom !== null) {
        const back = beforeZoom;
        beforeZoom = null;
        look(keepVisible(back, image, view));
      } else if (bounds !== null) {
        [beforeZoom, isFitted] = [exact, false];
        look(around(bounds, image, view));
      }
    },
    zoom: (factor) => zoomBy(cursor ?? screenPoint(view.width / 2, view.height / 2), factor),
    setSpace(isHeld) {
      isSpaceHeld = isHeld;
      showCursor();
    },
    moveCrosshair(dx, dy) {
      const from = toScreen(viewport, pointed() ?? imagePoint(image.width / 2, image.height / 2));
      crosshair = clampToImage(toImage(viewport, screenPoint(from.x + dx, from.y + dy)), image);
      updatePointer();
    },
    placePoint(label) {
      const at = pointed();
      if (at !== null && isInside(at, image)) editing.addPrompt(pointPrompt(at, label));
    },
    markCorner() {
      const at = pointed();
      if (at === null) return;
      if (corner === null) {
        corner = clampToImage(at, image);
        store.setState({ announcement: strings.notice.boxCorner, notice: strings.notice.boxCorner });
      } else {
        const box = boxBetween(corner, at, image);
        corner = null;
        store.setState({ notice: null });
        if (box !== null) editing.addPrompt(boxPrompt(box));
      }
      updatePointer();
    },
    cancel() {
      const wasActive = gesture.kind !== "idle" || corner !== null;
      corner = null;
      if (wasActive) send({ kind: "cancel" });
      return wasActive;
    },
    close() {
      clearTimeout(ringTimer);
      listeners.abort();
      resizes.disconnect();
      unsubscribe();
      renderer.close();
    },
  };
}
