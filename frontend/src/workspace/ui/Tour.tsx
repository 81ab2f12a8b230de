// The first minute, as a note above the masks: it covers nothing and never waits for a button.
import { Button } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { useStore } from "zustand";
import { words } from "../../words/workspace";
import { pagePreferences } from "../preferences/page";
import { nextStep, TOUR, tourFactsOf, type TourStep } from "../tour";
import panel from "../panel.module.css";
import workspace from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import classes from "./help.module.css";
import { KeyCap, keepFocus } from "./Panels";

const KEYS: Readonly<Record<TourStep, readonly string[]>> = { click: ["F"], correct: ["G"], keep: ["Enter"], undo: ["Ctrl+Z"], finish: ["Ctrl+Enter"] };
const close = (): void => pagePreferences.store.setState({ isTourSeen: true });

export function Tour(): ReactNode {
  const isSeen = useStore(pagePreferences.store, (state) => state.isTourSeen);
  // What it shows is done on a photo without masks; proposals and audits have keys of their own.
  const isByHand = useWorkspace((state) => state.phase.kind === "working" && state.work?.stage === "assisted_manual");
  return isSeen || !isByHand ? null : <Steps />;
}

function Steps(): ReactNode {
  const { session } = useWorkplace();
  const [step, setStep] = useState<TourStep>("click");
  useEffect(
    () =>
      session.store.subscribe((now, before) => {
        const next = nextStep(step, tourFactsOf(before), tourFactsOf(now));
        if (next === null) close();
        else if (next !== step) setStep(next);
      }),
    [session, step],
  );
  const at = TOUR.indexOf(step);
  return (
    <section className={panel["section"]} aria-label={words.tour.heading} data-tour={step}>
      <h2 className={panel["heading"]}>
        {words.tour.heading} <span className={workspace["muted"]}>{words.tour.of(at + 1, TOUR.length)}</span>
      </h2>
      <div className={classes["dots"]} aria-hidden>
        {TOUR.map((name, i) => <span key={name} data-done={i <= at} />)}
      </div>
      <p role="status">
        {words.tour.steps[step]} {KEYS[step].map((chord) => <KeyCap key={chord} chord={chord} />)}
      </p>
      <div className={panel["row"]}>
        <Button className={workspace["button"] ?? ""} size="compact-xs" variant="subtle" color="gray" onMouseDown={keepFocus} onClick={close}>
          {step === "finish" ? words.tour.done : words.tour.close}
        </Button>
      </div>
    </section>
  );
}
