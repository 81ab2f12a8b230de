// The kept masks. Hovering or focusing one shows it alone; a click selects it.
import { ActionIcon, UnstyledButton } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useStore } from "zustand";
import { masksOf } from "../../canvas/document";
import { colourOf, docOf } from "../state";
import { strings } from "../strings";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { keepFocus, Swatch } from "./Panels";

export function MaskList(): ReactNode {
  const { session } = useWorkplace();
  const doc = useWorkspace(docOf);
  const categories = useWorkspace((state) => state.categories);
  const selectedId = useWorkspace((state) => state.selectedId);
  const refused = useStore(session.outbox.state, (state) => state.refused);
  const masks = masksOf(doc).reverse();
  const solo = (id: string | null) => (): void => session.store.setState({ soloId: id });
  return (
    <section className={classes["listSection"]} aria-label={strings.list.heading}>
      <h2 className={classes["heading"]}>{strings.list.heading} <span className={classes["muted"]}>{masks.length}</span></h2>
      {masks.length === 0 && <p className={classes["muted"]}>{strings.list.empty}</p>}
      <ul className={classes["list"]} tabIndex={-1}>
        {masks.map((mask) => (
          <li key={mask.id} className={classes["item"]} data-selected={mask.id === selectedId} onMouseEnter={solo(mask.id)} onMouseLeave={solo(null)}>
            <UnstyledButton
              className={classes["itemName"] ?? ""}
              aria-pressed={mask.id === selectedId}
              onMouseDown={keepFocus}
              onFocus={solo(mask.id)}
              onBlur={solo(null)}
              onClick={() => session.editing.select(mask.id === selectedId ? null : mask.id)}
            >
              <Swatch colour={colourOf(mask, categories)} />
              <span>{categories.find(({ id }) => id === mask.categoryId)?.name ?? strings.list.name(mask.number)}</span>
              <span className={classes["muted"]}>
                {refused.some((record) => record.maskId === mask.id)
                  ? strings.list.refused
                  : mask.state === "proposed"
                    ? strings.list.proposed
                    : strings.list.pixels(mask.area)}
              </span>
              <span className={classes["seconds"]}>{strings.list.seconds(mask.evidence.activeSeconds)}</span>
            </UnstyledButton>
            <ActionIcon className={classes["trash"] ?? ""} variant="subtle" color="gray" size={24} aria-label={strings.list.remove(mask.number)} title="Delete" onMouseDown={keepFocus} onClick={() => session.editing.remove(mask.id)}>
              <IconTrash size={14} aria-hidden />
            </ActionIcon>
          </li>
        ))}
      </ul>
    </section>
  );
}
