// Listens to the keyboard of the workspace, and knows when it belongs to something else.
import { type Context, findKey, isForReview, type Key } from "./keymap";
import { keyPreferences } from "./preferences/keys";
import { isShown } from "./state";

const TEXT_FIELDS = "input, textarea, select, [contenteditable], [role=combobox], [role=listbox]";
// Fields in which nobody types: only the keys that work them are theirs.
const SLIDERS = "input:is([type=range], [type=radio]), [role=radio]";
const PRESSED = "button, a, summary, input[type=checkbox], input[readonly][aria-expanded=false]";
const MOVES: ReadonlySet<string> = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", " "]);

/** Whether the key is for what has the focus, and not for the photo. */
function belongsTo(target: Element, event: KeyboardEvent): boolean {
  if (target.closest(SLIDERS) !== null) return MOVES.has(event.key);
  // A focused button keeps the two keys that press it; a list of choices also those that open it.
  if (target.closest(PRESSED) !== null) {
    const isList = target.closest("input[readonly]") !== null;
    return event.key === " " || (event.key === "Enter" && !event.ctrlKey) || (isList && MOVES.has(event.key));
  }
  return target.closest(TEXT_FIELDS) !== null;
}

/** What is closed by Escape while the focus is in it, or on what opened it. */
const CLOSABLE = "[role=menu], [role=dialog], [aria-haspopup][aria-expanded=true]";

export const focusStage = (): void => document.querySelector<HTMLElement>("[data-stage]")?.focus();

/** Listens while no dialog is open and nobody types in a field. Returns the function that stops it. */
export function listenToKeys(context: Context): () => void {
  const { session, stage } = context;
  const listeners = new AbortController();
  const held = new Map<string, Key>();
  let isClosing = false;
  const releaseAll = (): void => {
    stage.setSpace(false);
    for (const key of held.values()) key.release?.(context);
    held.clear();
  };
  // By the time `onDown` hears of it, that is closed already.
  const noteClosing = (event: KeyboardEvent): void => {
    const { dialog, isViewPanelOpen } = session.store.getState();
    const isInside = event.target instanceof Element && event.target.closest(CLOSABLE) !== null;
    isClosing = event.key === "Escape" && (dialog !== null || isViewPanelOpen || isInside);
  };
  const onDown = (event: KeyboardEvent): void => {
    const { phase, dialog, isLeaseLost } = session.store.getState();
    const target = event.target instanceof Element ? event.target : null;
    if (isClosing || !isShown(phase) || dialog !== null || isLeaseLost || event.defaultPrevented || event.isComposing) return;
    if (document.querySelector("[role=dialog][aria-modal=true]") !== null) return;
    if (target !== null && belongsTo(target, event)) {
      // The way back from a field: keys must not stay dead after typing.
      if (event.key === "Escape") focusStage();
      return;
    }
    if (event.key === " ") {
      event.preventDefault();
      return stage.setSpace(true);
    }
    const key = findKey(event, keyPreferences.store.getState());
    if (key === undefined || (phase.kind === "reviewing" && !isForReview(key))) return;
    event.preventDefault();
    if (event.repeat && key.repeats !== true) return;
    session.editing.touch();
    if (key.release !== undefined) held.set(event.code, key);
    key.run(context, event);
  };
  const onUp = (event: KeyboardEvent): void => {
    if (event.key === " ") stage.setSpace(false);
    held.get(event.code)?.release?.(context);
    held.delete(event.code);
  };
  window.addEventListener("keydown", noteClosing, { signal: listeners.signal, capture: true });
  window.addEventListener("keydown", onDown, { signal: listeners.signal });
  window.addEventListener("keyup", onUp, { signal: listeners.signal });
  window.addEventListener("blur", releaseAll, { signal: listeners.signal });
  return () => listeners.abort();
}
