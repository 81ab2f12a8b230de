import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { type ProposalFigures as Figures, proposalFiguresQuery } from "../../api/statistics";
import { ProposalFigures, verdict } from "./ProposalFigures";

const FIGURES: Figures = {
  detector_version: "boxes-1", proposals: 100, need: 30, clicks_by_hand: 6, best_min_score: 0.45,
  by_score: [
    { min_score: 0.3, proposals: 100, kept: 30, edited: 20, rejected: 50, saved_clicks: { value: -0.6, low: -1.2, high: 0 } },
    { min_score: 0.45, proposals: 60, kept: 30, edited: 20, rejected: 10, saved_clicks: { value: 3, low: 2.4, high: 3.6 } },
  ],
};

function show(figures: Figures, onUse: ((minScore: number) => void) | null = null): void {
  const known = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  known.setQueryData(proposalFiguresQuery(1).queryKey, figures);
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={known}>
        <ProposalFigures projectId={1} minScore={0.3} onUse={onUse} />
      </QueryClientProvider>
    </MantineProvider>,
  );
}

it("names the score that saves most and puts it into the form", async () => {
  const onUse = vi.fn<(minScore: number) => void>();
  show(FIGURES, onUse);
  expect(screen.getByText("By hand a mask takes 6.0 clicks. Proposals from 0.45 on would have saved most. At most so much: a detector finds the easier objects.")).toBeVisible();
  const row = screen.getByRole("row", { name: /^0\.45/ });
  expect(within(row).getAllByRole("cell").map((cell) => cell.textContent).slice(0, 7)).toEqual([
    "0.45", "60", "50\u00a0%", "33\u00a0%", "17\u00a0%", "+3.0 (+2.4 to +3.6)", "+180",
  ]);
  expect(within(screen.getByRole("row", { name: /^0\.30/ })).getByRole("button", { name: "A score of 0.30 is in the form" })).toHaveAttribute("aria-disabled", "true");
  await userEvent.click(within(row).getByRole("button", { name: "Use a score of 0.45" }));
  expect(onUse).toHaveBeenCalledExactlyOnceWith(0.45);
});

it("offers no button to those who may not change the stage, and no figures before they are known", () => {
  show({ ...FIGURES, clicks_by_hand: null, best_min_score: null, by_score: FIGURES.by_score.map((row) => ({ ...row, saved_clicks: null })) });
  expect(screen.queryByRole("button")).toBeNull();
  expect(screen.getAllByText("not known yet")).toHaveLength(4);
  expect(screen.getByText("Needs 30 masks that people drew with the model, to compare with.")).toBeVisible();
});

it("says plainly what is missing or that nothing is saved", () => {
  expect(verdict({ ...FIGURES, detector_version: null }, 0.3)).toBe("There is no detector yet. A detector run, under Models, makes one.");
  expect(verdict({ ...FIGURES, proposals: 1 }, 0.3)).toBe("Needs 30 decided proposals of this detector; 1 proposal so far.");
  expect(verdict(FIGURES, 0.45)).toBe("By hand a mask takes 6.0 clicks. The score in the form saves most. At most so much: a detector finds the easier objects.");
  expect(verdict({ ...FIGURES, best_min_score: null }, 0.3)).toMatch(/At no score with 30 decided proposals or more did they save clicks/);
});
