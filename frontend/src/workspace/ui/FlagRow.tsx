// What is said of the mask that is made or selected: three flags as switches, and words to the reviewer.
import { Tooltip, UnstyledButton } from "@mantine/core";
import { IconArrowBarToRight, IconHelp, IconMessage, IconUsersGroup, type TablerIcon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { type Flag, FLAGS, type Mask } from "../../canvas/document";
import { words } from "../../words/workspace";
import { docOf } from "../state";
import panel from "../panel.module.css";
import { CommentBox } from "./CommentBox";
import { useWorkplace, useWorkspace } from "./context";
import classes from "./help.module.css";
import { KeyCap, keepFocus } from "./Panels";

const ICONS: Readonly<Record<Flag, TablerIcon>> = { unsure: IconHelp, crowd: IconUsersGroup, cut_by_border: IconArrowBarToRight };
const KEYS: Readonly<Record<Flag, string>> = { unsure: "U", crowd: "Y", cut_by_border: "Shift+U" };
const NONE: readonly Flag[] = [];

export function SaidPanel(): ReactNode {
  const draft = useWorkspace((state) => docOf(state).draft);
  const selected = useWorkspace((state) => (state.selectedId === null ? undefined : docOf(state).masks[state.selectedId]));
  const base = useWorkspace((state) => docOf(state).masks[docOf(state).draft.base ?? ""]);
  const hasDraft = draft.prompts.length > 0;
  if (!hasDraft && selected === undefined) return null;
  const flags = hasDraft ? (draft.flags ?? base?.flags ?? NONE) : (selected?.flags ?? NONE);
  return (
    <section className={panel["section"]} aria-label={words.said.heading(hasDraft ? null : (selected?.number ?? null))}>
      <FlagRow flags={flags} />
      {!hasDraft && selected !== undefined && <CommentBox key={selected.id} mask={selected} />}
    </section>
  );
}

function FlagRow({ flags }: { flags: readonly Flag[] }): ReactNode {
  const { session } = useWorkplace();
  return (
    <div className={classes["flags"]} role="group" aria-label={words.said.flags}>
      {FLAGS.map((flag) => {
        const Icon = ICONS[flag];
        return (
          <Tooltip key={flag} label={<>{words.said.what[flag]} <KeyCap chord={KEYS[flag]} /></>}>
            <UnstyledButton
              className={classes["flag"] ?? ""}
              aria-pressed={flags.includes(flag)}
              data-flag={flag}
              onMouseDown={keepFocus}
              onClick={() => session.editing.toggleFlag(flag)}
            >
              <Icon size={14} aria-hidden /> {words.said.names[flag]}
            </UnstyledButton>
          </Tooltip>
        );
      })}
    </div>
  );
}

/** In a list: what is said of a mask, as signs with their words. */
export function SaidMarks({ mask }: { mask: Pick<Mask, "flags" | "comment"> }): ReactNode {
  const { flags = NONE, comment = "" } = mask;
  return (
    <>
      {flags.map((flag) => {
        const Icon = ICONS[flag];
        return <Icon key={flag} size={14} className={classes["mark"] ?? ""} role="img" aria-label={words.said.names[flag]} />;
      })}
      {comment !== "" && <IconMessage size={14} className={classes["mark"] ?? ""} role="img" aria-label={words.said.hasComment} />}
    </>
  );
}
