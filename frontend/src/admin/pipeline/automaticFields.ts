// The options of automatic masks as fields: bounds are those of model_server/contract/automatic.py.
import type { AutomaticOptions, AutomaticPreset } from "../../api/stages";
import { words } from "../../words/stageSettings";

export type OptionName = keyof AutomaticOptions;

export interface OptionField {
  name: OptionName;
  min: number;
  max: number;
  decimals: number;
  unit?: string;
  /** What an empty field means; without it the option must have a number. */
  whenEmpty?: string;
}

const { own, off, noLimit, units } = words.automatic;
const FRACTION = { min: 0, max: 1, decimals: 3 };

export const MAIN_FIELDS: readonly OptionField[] = [
  { name: "pred_iou_thresh", ...FRACTION, whenEmpty: own },
  { name: "stability_score_thresh", ...FRACTION, whenEmpty: own },
  { name: "points_per_side", min: 1, max: 128, decimals: 0 },
  { name: "crop_n_layers", min: 0, max: 3, decimals: 0 },
  { name: "min_mask_region_area", min: 0, max: 1_000_000, decimals: 0, unit: units.pixels },
  { name: "box_nms_thresh", ...FRACTION },
];

export const MORE_FIELDS: readonly OptionField[] = [
  { name: "mask_nms_thresh", ...FRACTION, whenEmpty: off },
  { name: "crop_nms_thresh", ...FRACTION },
  { name: "crop_n_points_downscale_factor", min: 1, max: 16, decimals: 0 },
  { name: "crop_overlap_ratio", ...FRACTION },
  { name: "max_area_share", ...FRACTION, min: 0.001 },
  { name: "max_masks", min: 1, max: 10_000, decimals: 0, unit: units.masks, whenEmpty: noLimit },
  { name: "stability_score_offset", min: 0, max: 10, decimals: 2, unit: units.logits, whenEmpty: own },
  { name: "points_per_batch", min: 1, max: 1024, decimals: 0, unit: units.points },
];

export const CUSTOM = "custom";

/** The preset that these options are, or that they are none. */
export function presetOf(options: AutomaticOptions, presets: readonly AutomaticPreset[]): AutomaticPreset["name"] | typeof CUSTOM {
  const isThis = (preset: AutomaticPreset): boolean =>
    (Object.keys(preset.options) as OptionName[]).every((name) => preset.options[name] === options[name]);
  return presets.find(isThis)?.name ?? CUSTOM;
}

/** Points of an image, over all its crops; as point_count of the contract. */
export function pointCount({ points_per_side, crop_n_layers, crop_n_points_downscale_factor }: AutomaticOptions): number {
  const layers = Array.from({ length: crop_n_layers + 1 }, (_, layer) => layer);
  const side = (layer: number): number => Math.max(1, Math.floor(points_per_side / crop_n_points_downscale_factor ** layer));
  return layers.reduce((sum, layer) => sum + 4 ** layer * side(layer) ** 2, 0);
}
