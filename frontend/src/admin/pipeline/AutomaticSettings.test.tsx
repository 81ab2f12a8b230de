import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MantineProvider } from "@mantine/core";
import { fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { type ReactNode, useState } from "react";
import { beforeEach, expect, it, vi } from "vitest";
import type { AutomaticOptions, AutomaticPreset, StagePolicy } from "../../api/stages";
import { AutomaticSettings } from "./AutomaticSettings";
import { MAIN_FIELDS, MORE_FIELDS, pointCount, presetOf } from "./automaticFields";

const OWN: AutomaticOptions = {
  points_per_side: 32, points_per_batch: 64, pred_iou_thresh: null, stability_score_thresh: null, stability_score_offset: null,
  box_nms_thresh: 0.7, crop_n_layers: 0, crop_nms_thresh: 0.7, crop_overlap_ratio: 512 / 1500, crop_n_points_downscale_factor: 1,
  min_mask_region_area: 100, max_area_share: 0.95, mask_nms_thresh: null, max_masks: null,
};
const SA_1B = { ...OWN, pred_iou_thresh: 0.88, stability_score_thresh: 0.95, stability_score_offset: 1, crop_n_layers: 2, crop_n_points_downscale_factor: 2 };
const PRESETS: AutomaticPreset[] = [{ name: "own", options: OWN }, { name: "sa_1b", options: SA_1B }];

const told = vi.fn<(policy: StagePolicy) => void>();
const last = (): AutomaticOptions | undefined => told.mock.lastCall?.[0].automatic;

function Form(): ReactNode {
  const [policy, setPolicy] = useState({ automatic: OWN, human_overlap_iou: 0.5 } as StagePolicy);
  const change = (part: Partial<StagePolicy>): void => {
    told({ ...policy, ...part });
    setPolicy({ ...policy, ...part });
  };
  return (
    <MantineProvider env="test">
      <form>
        <AutomaticSettings policy={policy} presets={PRESETS} onChange={change} />
        <button type="submit">Save</button>
      </form>
    </MantineProvider>
  );
}

const preset = (): HTMLElement => screen.getByRole("combobox", { name: "Preset" });
const choose = async (name: string): Promise<void> => {
  await userEvent.click(preset());
  await userEvent.click(screen.getByRole("option", { name }));
};

beforeEach(() => told.mockClear());

it("fills every option with what a preset says, to the last digit", async () => {
  render(<Form />);
  expect(preset()).toHaveValue("The model's own");
  expect(screen.getByText("1,024 points an image, crops included.")).toBeVisible();
  await choose("SA-1B");
  expect(last()).toEqual(SA_1B);
  expect(screen.getByText("3,072 points an image, crops included.")).toBeVisible();
  expect(screen.getByLabelText("Thinner grid per layer")).toHaveValue("2");
  const overlap = screen.getByLabelText("Overlap of crops");
  fireEvent.focus(overlap);
  fireEvent.blur(overlap);
  expect(overlap).toHaveValue("0.341");
  expect(preset()).toHaveValue("SA-1B");
  expect(told).toHaveBeenCalledOnce();
});

it("is custom as soon as one number differs, and no choice of its own", async () => {
  render(<Form />);
  await choose("SA-1B");
  await userEvent.type(screen.getByLabelText("Mask overlap of duplicates"), "0.9");
  expect(last()).toEqual({ ...SA_1B, mask_nms_thresh: 0.9 });
  expect(preset()).toHaveValue("Custom");
  await userEvent.clear(screen.getByLabelText("Mask overlap of duplicates"));
  expect(last()).toEqual(SA_1B);
  expect(preset()).toHaveValue("SA-1B");
  await userEvent.click(preset());
  expect(screen.queryByRole("option", { name: "Custom" })).toBeNull();
});

it("opens what is folded away when a number is missing there", async () => {
  render(<Form />);
  const more = screen.getByText("More").closest("details");
  expect(more).not.toHaveAttribute("open");
  const field = screen.getByLabelText("Thinner grid per layer");
  fireEvent.change(field, { target: { value: "" } });
  expect(field).toHaveValue("");
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(more).toHaveAttribute("open");
});

it("counts an image's points as the server does", () => {
  expect(pointCount(SA_1B)).toBe(32 ** 2 + 4 * 16 ** 2 + 16 * 8 ** 2);
  expect(pointCount({ ...SA_1B, points_per_side: 3 })).toBe(9 + 4 + 16);
  expect(presetOf({ ...SA_1B, max_masks: 9 }, PRESETS)).toBe("custom");
});

it("offers every option within the bounds of the server", () => {
  const source = readFileSync(join(import.meta.dirname, "../../../../model_server/contract/automatic.py"), "utf8");
  const found = /class AutomaticOptions[^]*?model_config[^]*?\n\n([^]*?)\n\n/.exec(source)?.[1] ?? "";
  const types: Readonly<Record<string, string>> = { Share: "ge=0, le=1", Offset: "ge=0, le=10" };
  const bounds = found.trim().split("\n").map((line) => {
    const [, name = "", type = "", rest = ""] = /^\s*(\w+): (\w+)(.*)$/.exec(line) ?? [];
    const [, open = "", min = "", max = ""] = /g([et])=([\d.]+), le=([\d_]+)/.exec(rest.includes("Field") ? rest : types[type] ?? "") ?? [];
    return { name, isOpen: open === "t", min: Number(min), max: Number(max.replaceAll("_", "")), mayBeEmpty: rest.includes("None") };
  });
  const fields = [...MAIN_FIELDS, ...MORE_FIELDS];
  expect(bounds).toHaveLength(14);
  expect(new Set(fields.map(({ name }) => name))).toEqual(new Set(bounds.map(({ name }) => name)));
  for (const { name, min, max, whenEmpty } of fields) {
    const bound = bounds.find((one) => one.name === name);
    expect({ name, max, mayBeEmpty: whenEmpty !== undefined }).toEqual({ name, max: bound?.max, mayBeEmpty: bound?.mayBeEmpty });
    if (bound?.isOpen) expect(min).toBeGreaterThan(bound.min);
    else expect(min).toBe(bound?.min);
  }
});
