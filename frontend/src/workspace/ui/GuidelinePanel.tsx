// How to annotate in this project, beside the photo; whether it is folded is remembered.
import { UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { lazy, type ReactNode, Suspense } from "react";
import { useStore } from "zustand";
import { words } from "../../words/workspace";
import { pagePreferences } from "../preferences/page";
import panel from "../panel.module.css";
import classes from "./help.module.css";
import { KeyCap, keepFocus } from "./Panels";

const Markdown = lazy(async () => ({ default: (await import("../../ui/Markdown")).Markdown }));

export function GuidelinePanel({ text }: { text: string }): ReactNode {
  const isOpen = useStore(pagePreferences.store, (state) => state.areGuidelinesOpen);
  if (text === "") return null;
  const Icon = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <section className={panel["section"]} aria-label={words.guidelines.heading} data-guidelines>
      <h2 className={panel["heading"]}>
        <UnstyledButton className={classes["fold"] ?? ""} aria-expanded={isOpen} onMouseDown={keepFocus} onClick={() => pagePreferences.store.setState({ areGuidelinesOpen: !isOpen })}>
          <Icon size={14} aria-hidden /> {words.guidelines.heading}
        </UnstyledButton>
        <KeyCap chord="Q" />
      </h2>
      {isOpen && (
        <div className={classes["guidelines"]} tabIndex={0} role="region" aria-label={words.guidelines.text}>
          <Suspense fallback={null}>
            <Markdown text={text} />
          </Suspense>
        </div>
      )}
    </section>
  );
}
