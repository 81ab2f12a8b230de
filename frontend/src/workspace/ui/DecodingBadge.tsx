// Where masks are made, and how fast: in this browser or on the server.
import type { ReactNode } from "react";
import { useStore } from "zustand";
import { words } from "../../words/workspace";
import type { Why } from "../predict/decoding";
import classes from "../workspace.module.css";
import { useWorkplace, useWorkspace } from "./context";

export function DecodingBadge(): ReactNode {
  const { decoding } = useWorkplace().session;
  const state = useStore(decoding.state);
  const answer = useWorkspace((workspace) => workspace.asked.answer);
  const where = answer?.where ?? state.where;
  // Before the first answer: what one decoding takes here.
  const milliseconds = answer?.milliseconds ?? (where === "browser" ? decoding.milliseconds() : null);
  const isCloser = answer?.isCloser ?? false;
  const why =
    isCloser ? words.decoding.closer
    : state.where === "server" ? sentenceOf(state.why)
    : where === "server" ? words.decoding.answeredByServer
    : words.decoding.inBrowser(state.prepared.modelVersion, state.prepared.weights);
  return (
    <span className={classes["muted"]} data-decoding={isCloser ? "closer" : where} title={why}>
      {words.decoding.badge[isCloser ? "closer" : where](milliseconds)}
    </span>
  );
}

function sentenceOf(why: Why): string {
  if (why.kind === "slow") return words.decoding.why.slow(why.milliseconds);
  if (why.kind === "failed") return words.decoding.why.failed(why.message);
  return words.decoding.why[why.kind];
}
