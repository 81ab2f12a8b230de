// Words to the reviewer, saved while they are written.
import { Textarea } from "@mantine/core";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Mask } from "../../canvas/document";
import { words } from "../../words/workspace";
import { focusStage } from "../keyboard";
import { useWorkplace } from "./context";

const PAUSE_MS = 500;
const MAX_COMMENT = 2000;

export function CommentBox({ mask }: { mask: Mask }): ReactNode {
  const { session } = useWorkplace();
  const kept = mask.comment ?? "";
  /** null: nothing is being written, what is kept is shown. */
  const [text, setText] = useState<string | null>(null);
  // From taking up the pen to laying it down is one step of undo.
  const isMore = useRef(false);
  const latest = useRef<string | null>(null);
  const save = (): void => {
    if (latest.current === null) return;
    session.editing.setComment(mask.id, latest.current, isMore.current);
    isMore.current = true;
    latest.current = null;
  };
  useEffect(() => {
    if (text === null) return undefined;
    const timer = window.setTimeout(save, PAUSE_MS);
    return () => window.clearTimeout(timer);
  });
  useEffect(() => {
    const onHide = (): void => {
      if (document.visibilityState === "hidden") save();
    };
    document.addEventListener("visibilitychange", onHide);
    return () => document.removeEventListener("visibilitychange", onHide);
  });
  return (
    <Textarea
      size="xs"
      autosize
      minRows={1}
      maxRows={8}
      maxLength={MAX_COMMENT}
      label={words.said.comment}
      placeholder={words.said.placeholder}
      value={text ?? kept}
      data-comment
      onChange={(event) => {
        latest.current = event.currentTarget.value;
        setText(event.currentTarget.value);
      }}
      onBlur={() => {
        save();
        isMore.current = false;
        setText(null);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.stopPropagation();
          focusStage();
        }
      }}
    />
  );
}
