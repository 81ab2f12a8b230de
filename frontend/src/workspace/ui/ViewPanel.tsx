// How masks and photo are shown: fill, brightness, contrast. Nothing of it is kept with a mask.
import { Button, Popover, Switch } from "@mantine/core";
import type { ReactNode } from "react";
import { PLAIN_VIEW, type View } from "../../canvas/render/scene";
import { words } from "../../words/workspace";
import { changeToolSettings } from "../keysOfTools";
import panel from "../panel.module.css";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import own from "./tools.module.css";

const SLIDERS: readonly { name: keyof View; label: string; min: number; max: number }[] = [
  { name: "fillOpacity", label: words.view.fill, min: 0, max: 1 },
  { name: "brightness", label: words.view.brightness, min: 0.2, max: 3 },
  { name: "contrast", label: words.view.contrast, min: 0.2, max: 3 },
];

/** `children`: the button that opens it. */
export function ViewPanel({ children }: { children: ReactNode }): ReactNode {
  const { session } = useWorkplace();
  const isOpen = useWorkspace((state) => state.isViewPanelOpen);
  const { view, isPenMode } = useWorkspace((state) => state.toolSettings);
  const change = (part: Partial<View>): void => changeToolSettings(session, { view: { ...view, ...part } });
  return (
    <Popover opened={isOpen} onChange={(isViewPanelOpen) => session.store.setState({ isViewPanelOpen })} position="right-start" shadow="md" trapFocus returnFocus withRoles={false}>
      <Popover.Target>
        <span>{children}</span>
      </Popover.Target>
      <Popover.Dropdown className={own["view"] ?? ""} role="dialog" aria-label={words.view.heading}>
        <h2 className={panel["heading"]}>{words.view.heading}</h2>
        {SLIDERS.map(({ name, label, min, max }) => (
          <label key={name} className={own["slider"]}>
            {label}
            <input type="range" min={min} max={max} step={0.05} value={view[name]} aria-valuetext={words.view.percent(view[name])} onChange={(event) => change({ [name]: Number(event.target.value) })} />
            <span className={classes["muted"]}>{words.view.percent(view[name])}</span>
          </label>
        ))}
        <div className={panel["row"]}>
          <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" onClick={() => change(PLAIN_VIEW)}>{words.view.reset}</Button>
          <span className={classes["muted"]}>{words.view.onlyView}</span>
        </div>
        <Switch
          size="xs"
          label={words.view.pen}
          description={words.view.penWhy}
          checked={isPenMode === true}
          onChange={(event) => changeToolSettings(session, { isPenMode: event.currentTarget.checked })}
        />
      </Popover.Dropdown>
    </Popover>
  );
}
