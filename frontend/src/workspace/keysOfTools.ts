// The keys of the tools that change pixels, and of the view.
import { words } from "../words/workspace";
import type { Context, Key } from "./keymap";
import { reviewIn } from "./state";
import { resized, saveToolSettings, type ToolSettings } from "./toolSettings";

const FILTER_STEP = 0.05;
const LARGE_STEPS = 5;
/** What the key goes through: outlines only, faint, as usual, strong. */
const FILLS = [0, 0.2, 0.4, 0.7];

export const TOOL_KEYS: readonly Key[] = [
  { id: "tool.box", keys: ["Shift+S"], group: "prompts", run: ({ session }) => session.store.setState({ tool: "box" }) },
  { id: "prompt.swap", keys: ["N"], group: "prompts", run: swap },
  { id: "tool.brush", keys: ["B"], group: "pixels", run: ({ session }) => session.store.setState({ tool: "brush" }) },
  { id: "tool.eraser", keys: ["E"], group: "pixels", run: ({ session }) => session.store.setState({ tool: "eraser" }) },
  { id: "tool.lasso", keys: ["L"], group: "pixels", run: ({ session }) => session.store.setState({ tool: "lasso" }) },
  { id: "brush.larger", keys: ["]"], isLargerWithShift: true, group: "pixels", repeats: true, run: resize(1) },
  { id: "brush.smaller", keys: ["["], isLargerWithShift: true, group: "pixels", repeats: true, run: resize(-1) },
  { id: "pixels.grow", keys: ["T"], group: "pixels", repeats: true, run: ({ session }) => session.editing.operate("grow") },
  { id: "pixels.shrink", keys: ["Shift+T"], group: "pixels", repeats: true, run: ({ session }) => session.editing.operate("shrink") },
  { id: "pixels.fillHoles", keys: ["I"], group: "pixels", run: ({ session }) => session.editing.operate("fillHoles") },
  { id: "pixels.removeIslands", keys: ["Shift+I"], group: "pixels", run: ({ session }) => session.editing.operate("removeIslands") },
  { id: "pixels.keepLargest", keys: ["Shift+L"], group: "pixels", run: ({ session }) => session.editing.operate("keepLargest") },
  { id: "pixels.subtract", keys: ["Shift+M"], group: "pixels", run: ({ session }) => session.editing.operate("subtractOthers") },
  { id: "masks.merge", keys: ["J"], group: "pixels", run: ({ session }) => session.editing.merge() },
  { id: "masks.split", keys: ["Shift+J"], group: "pixels", run: ({ session }) => session.editing.split() },
  { id: "masks.duplicate", keys: ["Shift+D"], group: "pixels", run: ({ session }) => session.editing.duplicate() },
  { id: "view.peek", keys: ["W"], group: "view", run: ({ stage }) => stage.setPeek(true), release: ({ stage }) => stage.setPeek(false) },
  { id: "view.fill", keys: ["O"], group: "view", run: nextFill },
  { id: "view.panel", keys: ["Shift+V"], group: "view", run: ({ session }) => session.store.setState(({ isViewPanelOpen }) => ({ isViewPanelOpen: !isViewPanelOpen })) },
];

/** Changes the settings of the tools and remembers them. */
export function changeToolSettings({ store }: Context["session"], change: Partial<ToolSettings>): void {
  const toolSettings = { ...store.getState().toolSettings, ...change };
  store.setState({ toolSettings });
  saveToolSettings(toolSettings);
}

function resize(direction: 1 | -1) {
  return ({ session }: Context, event: KeyboardEvent): void => {
    const state = session.store.getState();
    const { tool, toolSettings } = state;
    const isBrush = tool === "brush" || tool === "eraser";
    if (!isBrush && reviewIn(state).left > 0) return session.editing.filterBy(direction * FILTER_STEP);
    const radius = resized(toolSettings.radius, direction, event.shiftKey ? LARGE_STEPS : 1);
    changeToolSettings(session, { radius });
    session.store.setState({ announcement: words.announce.radius(radius) });
  };
}

function swap({ session: { store } }: Context): void {
  const isSwapped = !store.getState().isSwapped;
  store.setState({ isSwapped, announcement: words.announce.swapped(isSwapped) });
}

function nextFill({ session }: Context): void {
  const { view } = session.store.getState().toolSettings;
  const fillOpacity = FILLS.find((fill) => fill > view.fillOpacity) ?? FILLS[0] ?? 0;
  changeToolSettings(session, { view: { ...view, fillOpacity } });
}
