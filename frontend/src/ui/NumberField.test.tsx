import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { type ReactNode, useState } from "react";
import { expect, it, vi } from "vitest";
import { NumberField } from "./NumberField";

const told = vi.fn();

function Form(): ReactNode {
  const [value, setValue] = useState<number | null>(null);
  const change = (next: number | null): void => {
    told(next);
    setValue(next);
  };
  return (
    <MantineProvider env="test">
      <NumberField label="IoU above" whenEmpty="Any" value={value} onChange={change} min={0} max={1} decimals={3} />
    </MantineProvider>
  );
}

it("takes decimals as they are typed, where an empty field has a meaning", async () => {
  render(<Form />);
  const field = screen.getByLabelText("IoU above");
  await userEvent.type(field, "0.85");
  expect(field).toHaveValue("0.85");
  expect(told).toHaveBeenLastCalledWith(0.85);
  await userEvent.type(field, "{Backspace}{Backspace}");
  expect(told).toHaveBeenLastCalledWith(0);
  expect(field).toHaveValue("0.");
  await userEvent.type(field, "7");
  expect(field).toHaveValue("0.7");
  expect(told).toHaveBeenLastCalledWith(0.7);
  await userEvent.clear(field);
  expect(told).toHaveBeenLastCalledWith(null);
});
