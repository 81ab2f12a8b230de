// The kept masks. Hovering or focusing one shows it alone; a click selects it, with Shift beside others.
import { IconTrash } from "@tabler/icons-react";
import { memo, type ReactNode, useEffect, useRef } from "react";
import { useStore } from "zustand";
import type { Mask } from "../../canvas/document";
import type { Rgb } from "../../canvas/render/palette";
import { words } from "../../words/workspace";
import { isBelow } from "../review";
import type { Session } from "../session";
import { colourOf, docOf } from "../state";
import panel from "../panel.module.css";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { SaidMarks } from "./FlagRow";
import { keepFocus, Swatch } from "./Panels";

export function MaskList(): ReactNode {
  const { session } = useWorkplace();
  const masks = useWorkspace((state) => docOf(state).masks);
  const order = useWorkspace((state) => docOf(state).order);
  const categories = useWorkspace((state) => state.categories);
  const selectedId = useWorkspace((state) => state.selectedId);
  const alsoSelected = useWorkspace((state) => state.alsoSelected);
  const refused = useStore(session.outbox.state, (state) => state.refused);
  const baseId = useWorkspace((state) => docOf(state).draft.base);
  const minIou = useWorkspace((state) => state.minIou);
  const newestFirst = order.flatMap((id) => masks[id] ?? []).filter((mask) => !isBelow(mask, minIou)).reverse();
  const factOf = (mask: Mask): string => {
    if (refused.some((record) => record.maskId === mask.id)) return words.list.refused;
    if (mask.id === baseId) return words.list.refining;
    if (mask.state === "proposed") return words.list.proposed;
    return mask.origin === "automatic" ? words.list.automatic : words.list.pixels(mask.area);
  };
  return (
    <section className={panel["listSection"]} aria-label={words.list.heading}>
      <h2 className={panel["heading"]}>
        {words.list.heading} <span className={classes["muted"]}>{newestFirst.length}</span>
      </h2>
      {order.length === 0 && <p className={classes["muted"]}>{words.list.empty}</p>}
      <ul className={panel["list"]}>
        {newestFirst.map((mask) => {
          const category = categories.find(({ id }) => id === mask.categoryId);
          const name = category?.name ?? words.list.name(mask.number);
          const isSelected = mask.id === selectedId || alsoSelected.includes(mask.id);
          return <Row key={mask.id} {...{ session, mask, name, isSelected }} fact={factOf(mask)} colour={colourOf(mask, categories)} />;
        })}
      </ul>
    </section>
  );
}

interface RowProps {
  session: Session;
  mask: Mask;
  name: string;
  fact: string;
  colour: Rgb;
  isSelected: boolean;
}

const Row = memo(function Row({ session, mask, name, fact, colour, isSelected }: RowProps): ReactNode {
  const { store, editing } = session;
  const solo = (): void => store.setState({ soloId: mask.id });
  const all = (): void => store.setState({ soloId: null });
  // A row that goes while it has pointer or focus is told of no leaving.
  useEffect(
    () => () => {
      if (store.getState().soloId === mask.id) store.setState({ soloId: null });
    },
    [store, mask.id],
  );
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isSelected) row.current?.scrollIntoView({ block: "nearest" });
  }, [isSelected]);
  return (
    <li ref={row} className={panel["item"]} data-selected={isSelected} onMouseEnter={solo} onMouseLeave={all}>
      <button
        type="button"
        className={panel["itemName"]}
        aria-pressed={isSelected}
        onMouseDown={keepFocus}
        onFocus={solo}
        onBlur={all}
        onClick={(event) => (event.shiftKey ? editing.selectAlso(mask.id) : editing.select(isSelected ? null : mask.id))}
      >
        <Swatch colour={colour} isProposal={mask.state === "proposed"} />
        <span>{name}</span>
        <span className={classes["muted"]}>{fact} <SaidMarks mask={mask} /></span>
        <span className={panel["seconds"]}>{mask.evidence.activeSeconds > 0 && words.list.seconds(mask.evidence.activeSeconds)}</span>
      </button>
      <button
        type="button"
        className={panel["trash"]}
        aria-label={words.list.remove(mask.number)}
        title={words.list.removeShort}
        onMouseDown={keepFocus}
        onClick={() => editing.remove(mask.id)}
      >
        <IconTrash size={14} aria-hidden />
      </button>
    </li>
  );
});
