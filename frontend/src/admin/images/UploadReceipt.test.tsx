import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { emptyReceipt, type Receipt } from "./transfer";
import { headline, UploadReceipt } from "./UploadReceipt";
import type { Upload } from "./uploads";

const upload = (receipt: Partial<Receipt>, part: Partial<Upload> = {}): Upload => ({
  state: "done", files: 3, answeredFiles: 3, bytes: 1, sentBytes: 1, leftOut: 0, startedAtMs: 0, nowMs: 0, cancel: () => undefined,
  receipt: { ...emptyReceipt(), ...receipt },
  ...part,
});

it("says in one line what became of the files, leaving out what did not happen", () => {
  expect(headline({ ...emptyReceipt(), added: 1200 })).toBe("1,200 added");
  expect(
    headline({
      added: 0,
      duplicates: [{ file_name: "a", image_id: 1 }],
      refused: [{ file_name: "b", reason: "" }],
      notSent: [{ file_name: "c", reason: "" }],
    }),
  ).toBe("0 added, 1 already there, 1 refused, 1 not sent");
});

it("names each refused file with its reason, and can be closed", async () => {
  const close = vi.fn();
  const refused = [
    { file_name: "trip/a.heic", reason: "HEIC is not supported." },
    { file_name: "b.jpg", reason: "The file is empty." },
  ];
  render(
    <MantineProvider env="test">
      <UploadReceipt upload={upload({ added: 4, refused }, { leftOut: 1, state: "cancelled" })} projectId={1} onClose={close} />
    </MantineProvider>,
  );
  expect(screen.getByRole("status")).toHaveTextContent("4 added, 2 refused");
  expect(screen.getByRole("status")).toHaveTextContent("cancelled; what had arrived is kept");
  expect(screen.getByRole("status")).toHaveTextContent("1 system file");
  expect(screen.getByText("2 files refused")).toBeVisible();
  expect(screen.getByText("trip/a.heic:")).toHaveTextContent("HEIC is not supported.");
  await userEvent.click(screen.getByRole("button", { name: "Close" }));
  expect(close).toHaveBeenCalledOnce();
});
