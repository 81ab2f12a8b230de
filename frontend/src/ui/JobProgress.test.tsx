import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { JobProgress } from "./JobProgress";

const show = (part: Partial<Parameters<typeof JobProgress>[0]>): void => {
  render(
    <MantineProvider env="test">
      <JobProgress phase="writing masks" done={0} total={0} seconds={null} unit="images" {...part} />
    </MantineProvider>,
  );
};

it("shows phase, counts, rate and, once it can be known, the time left", () => {
  show({ done: 3120, total: 11000, seconds: 76 });
  expect(screen.getByText("Writing masks")).toBeVisible();
  expect(screen.getByText("3,120 of 11,000 images, 41/s, about 3 min left")).toBeVisible();
  expect(screen.getByRole("progressbar", { name: "Writing masks" })).toHaveAttribute("aria-valuenow", expect.stringMatching(/^28/));
});

it("claims nothing it does not know", () => {
  show({ phase: "", done: 0, total: 0 });
  expect(screen.getByText("Waiting to start")).toBeVisible();
  expect(screen.queryByText(/left|\/s|of/)).toBeNull();
});
