import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import type { ReactElement } from "react";
import { expect, it } from "vitest";
import type { Run } from "../../api/training";
import { RunCard } from "./RunCard";

const RUN: Run = {
  id: 3, project_id: 1, kind: "model", state: "candidate", trigger: "person", snapshot_id: 1, snapshot_number: 1,
  base_version: "nano-1", candidate_version: "better-1", options: {}, planned_steps: 300, curve: [], reason: "It is better.", job: null,
  metrics: { compared_with: "nano-1", frozen: null, general: null, gate: { is_passed: true, reason: "It is better." }, detector: null },
  created_at: "2026-11-30T10:00:00Z", finished_at: "2026-11-30T10:20:00Z", waits_for_checkpoint: false, seconds_left: null,
};

const card = (run: Run, outdated: string | null, isLive = false): ReactElement => (
  <MantineProvider env="test">
    <QueryClientProvider client={new QueryClient()}>
      <RunCard run={run} readAt={0} isNewest={false} mayManage isLive={isLive} outdated={outdated} onPromote={() => undefined} />
    </QueryClientProvider>
  </MantineProvider>
);

it("offers to promote what passed, less loudly once another version is live than it was compared with", () => {
  const { rerender } = render(card(RUN, null));
  expect(screen.getByRole("button", { name: "Promote" })).toHaveAttribute("data-variant", "filled");
  rerender(card(RUN, "It was compared with nano-1."));
  expect(screen.getByRole("button", { name: "Promote" })).toHaveAttribute("data-variant", "default");
  expect(screen.getByText("It was compared with nano-1.")).toBeVisible();
  rerender(card({ ...RUN, state: "promoted" }, "It was compared with nano-1.", true));
  expect(screen.queryByText("It was compared with nano-1.")).toBeNull();
});
