// The open session and its stage, for the panels.
import { createContext, useContext } from "react";
import { useStore } from "zustand";
import type { Reviewing } from "../reviewing";
import type { Session } from "../session";
import type { Stage } from "../stage";
import type { WorkspaceState } from "../state";

export interface Workplace {
  readonly session: Session;
  /** null until the stage is on the page. */
  readonly stage: Stage | null;
  /** null: photos are annotated, not reviewed. */
  readonly reviewing: Reviewing | null;
}

export const WorkplaceContext = createContext<Workplace | null>(null);

export function useWorkplace(): Workplace {
  const workplace = useContext(WorkplaceContext);
  if (workplace === null) throw new Error("outside the workspace");
  return workplace;
}

export function useWorkspace<T>(select: (state: WorkspaceState) => T): T {
  return useStore(useWorkplace().session.store, select);
}
