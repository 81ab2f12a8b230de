// The mask being made: its candidates, its score, its category, and what to do with it.
import { Button, Select } from "@mantine/core";
import type { ReactNode } from "react";
import { useStore } from "zustand";
import { pixelsByHand, untouchedBase } from "../../canvas/document";
import { words } from "../../words/workspace";
import { withOwnKeys } from "../keymap";
import { keyPreferences } from "../preferences/keys";
import { scoreWord } from "../predict/predictor";
import { docOf, selectedMaskOf, shownOf } from "../state";
import panel from "../panel.module.css";
import classes from "../workspace.module.css";
import { Candidate } from "./Candidate";
import { useWorkplace, useWorkspace } from "./context";
import { keepFocus } from "./Panels";
import { PixelPanel } from "./PixelPanel";

export function MaskPanel(): ReactNode {
  const { session } = useWorkplace();
  const prompts = useWorkspace((state) => docOf(state).draft.prompts.length);
  const base = useWorkspace((state) => (docOf(state).draft.base === null ? undefined : docOf(state).masks[docOf(state).draft.base ?? ""]));
  const isUntouched = useWorkspace((state) => untouchedBase(docOf(state)) !== null);
  const isByHand = useWorkspace((state) => pixelsByHand(docOf(state)) !== null);
  const isHandMade = isByHand && prompts === 1;
  // One that was kept; what can be done with proposals is said above.
  const selected = useWorkspace((state) => (prompts > 0 || selectedMaskOf(state)?.state !== "accepted" ? null : selectedMaskOf(state)));
  const tool = useWorkspace((state) => state.tool);
  const preferences = useStore(keyPreferences.store);
  return (
    <section className={panel["section"]} aria-label={words.mask.heading}>
      <h2 className={panel["heading"]}>
        {base !== undefined ? words.mask.refining(base.number) : selected !== null ? words.mask.selected(selected.number) : words.mask.heading}
        <Which />
      </h2>
      {prompts === 0 ? (
        <p className={classes["muted"]}>{selected === null ? words.mask.none[tool] : withOwnKeys(words.mask.howToChange, preferences)}</p>
      ) : isUntouched ? (
        <p className={classes["muted"]}>{words.mask.howToRefine}</p>
      ) : isByHand ? (
        <p className={classes["muted"]}>{isHandMade ? words.mask.handMade : words.mask.byHand}</p>
      ) : (
        <Answer />
      )}
      {prompts > 0 && (
        <div className={panel["row"]}>
          <Button className={classes["button"] ?? ""} size="compact-xs" onMouseDown={keepFocus} onClick={session.editing.keep}>{words.mask.keep}</Button>
          <Button className={classes["button"] ?? ""} size="compact-xs" variant="default" onMouseDown={keepFocus} onClick={session.editing.takeBackPrompt}>{words.mask.takeBack}</Button>
          <Button className={classes["button"] ?? ""} size="compact-xs" variant="subtle" color="gray" onMouseDown={keepFocus} onClick={session.editing.clearDraft}>{words.mask.clear}</Button>
        </div>
      )}
      <PixelPanel />
      {base === undefined && <CategorySelect />}
    </section>
  );
}

function Which(): ReactNode {
  const asked = useWorkspace((state) => state.asked);
  const history = useWorkspace((state) => state.history);
  const { session } = useWorkplace();
  const shown = shownOf({ ...session.store.getState(), asked, history });
  if (shown === null || !shown.isFresh || shown.answer.masks.length < 2) return null;
  return <span className={classes["muted"]}>{words.mask.candidates(shown.index + 1, shown.answer.masks.length)}</span>;
}

function Answer(): ReactNode {
  const { session } = useWorkplace();
  const asked = useWorkspace((state) => state.asked);
  const history = useWorkspace((state) => state.history);
  const shown = shownOf({ ...session.store.getState(), asked, history });
  if (shown === null) return <p className={classes["muted"]}>{asked.state.kind === "asking" ? words.mask.asking : ""}</p>;
  const { masks } = shown.answer;
  return (
    <div className={panel["candidates"]} data-fresh={shown.isFresh} role="radiogroup" aria-label={words.mask.heading}>
      {masks.map((mask, index) => (
        <Candidate
          key={index}
          masks={masks}
          mask={mask}
          number={index + 1}
          word={scoreWord(mask.predicted_iou)}
          isShown={index === shown.index}
          onChoose={() => session.editing.choose(index)}
        />
      ))}
    </div>
  );
}

function CategorySelect(): ReactNode {
  const { session } = useWorkplace();
  const categories = useWorkspace((state) => state.categories);
  const newCategoryId = useWorkspace((state) => state.newCategoryId);
  const selected = useWorkspace((state) => (state.selectedId === null ? undefined : docOf(state).masks[state.selectedId]));
  if (categories.length === 0) return null;
  const value = selected === undefined ? newCategoryId : selected.categoryId;
  return (
    <Select
      size="xs"
      label={selected === undefined ? words.mask.forNext : words.mask.forSelected(selected.number)}
      placeholder={words.mask.noCategory}
      data={categories.map(({ id, name }) => ({ value: String(id), label: name }))}
      value={value === null ? null : String(value)}
      onChange={(chosen) => session.editing.setCategory(chosen === null ? null : Number(chosen))}
      clearable
      searchable={categories.length > 8}
      comboboxProps={{ shadow: "md" }}
    />
  );
}
