import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import type { ReactElement } from "react";
import { expect, it } from "vitest";
import { JobProgress } from "./JobProgress";

type Props = Parameters<typeof JobProgress>[0];

const progress = (props: Props): ReactElement => (
  <MantineProvider env="test">
    <JobProgress {...props} />
  </MantineProvider>
);

it("shows phase, counts, the rate it watched and, once it can be known, the time left", () => {
  const { rerender } = render(progress({ phase: "masks", done: 0, total: 11000, readAt: 1000 }));
  expect(screen.getByText("0 of 11,000 masks")).toBeVisible();
  rerender(progress({ phase: "masks", done: 410, total: 11000, readAt: 11_000 }));
  expect(screen.getByText("410 of 11,000 masks, 41/s")).toBeVisible();
  rerender(progress({ phase: "masks", done: 3120, total: 11000, readAt: 77_000 }));
  expect(screen.getByText("3,120 of 11,000 masks, 41/s, about 3 min left")).toBeVisible();
  expect(screen.getByRole("progressbar", { name: "Writing masks" })).toHaveAttribute("aria-valuenow", expect.stringMatching(/^28/));
});

it("begins to measure anew with each phase", () => {
  const { rerender } = render(progress({ phase: "masks", done: 500, total: 500, readAt: 0 }));
  rerender(progress({ phase: "pictures", done: 10, total: 100, readAt: 60_000 }));
  expect(screen.getByText("10 of 100 photos")).toBeVisible();
  rerender(progress({ phase: "pictures", done: 20, total: 100, readAt: 65_000 }));
  expect(screen.getByText("20 of 100 photos, 2.0/s, about 40 s left")).toBeVisible();
});

it("claims nothing it does not know", () => {
  render(progress({ phase: "", done: 0, total: 0, readAt: 0 }));
  expect(screen.getByText("Waiting to start")).toBeVisible();
  expect(screen.queryByText(/left|\/s| of /)).toBeNull();
});
