// How the automatic stage makes masks: settings others have published, by name, and every number by itself.
import { Select } from "@mantine/core";
import type { ReactNode } from "react";
import type { AutomaticOptions, AutomaticPreset, StagePolicy } from "../../api/stages";
import { FIELD_ORDER, FieldGroup } from "../../ui/FieldGroup";
import { count } from "../../ui/format";
import { NumberField } from "../../ui/NumberField";
import { words } from "../../words/stageSettings";
import { CUSTOM, MAIN_FIELDS, MORE_FIELDS, type OptionField, pointCount, presetOf } from "./automaticFields";

interface AutomaticSettingsProps {
  policy: StagePolicy;
  presets: readonly AutomaticPreset[];
  onChange: (part: Partial<StagePolicy>) => void;
}

export function AutomaticSettings({ policy, presets, onChange }: AutomaticSettingsProps): ReactNode {
  const { automatic } = policy;
  const fields = (which: readonly OptionField[]): ReactNode[] =>
    which.map((field) => (
      <Option
        key={field.name}
        field={field}
        value={automatic[field.name] ?? null}
        onChange={(value) => onChange({ automatic: { ...automatic, [field.name]: value } })}
      />
    ));
  return (
    <FieldGroup title={words.automatic.title}>
      <Preset options={automatic} presets={presets} onChange={(options) => onChange({ automatic: options })} />
      {fields(MAIN_FIELDS)}
      <NumberField
        label={words.automatic.peopleOverlap}
        description={words.automatic.peopleOverlapText}
        value={policy.human_overlap_iou}
        onChange={(value) => value !== null && onChange({ human_overlap_iou: value })}
        min={0}
        max={1}
        decimals={3}
      />
      {/* A field that lacks its number can only be shown to lack it where it can be seen. */}
      <details className="more-fields" onInvalidCapture={(event) => event.currentTarget.setAttribute("open", "")}>
        <summary>{words.automatic.more}</summary>
        <div className="field-grid">{fields(MORE_FIELDS)}</div>
      </details>
    </FieldGroup>
  );
}

interface PresetProps {
  options: AutomaticOptions;
  presets: readonly AutomaticPreset[];
  onChange: (options: AutomaticOptions) => void;
}

function Preset({ options, presets, onChange }: PresetProps): ReactNode {
  const current = presetOf(options, presets);
  const names = [...presets.map(({ name }) => name), ...(current === CUSTOM ? [CUSTOM] as const : [])];
  return (
    <Select
      label={words.automatic.preset}
      description={words.automatic.presetText(count(pointCount(options)))}
      inputWrapperOrder={FIELD_ORDER}
      data={names.map((name) => ({ value: name, label: words.automatic.presets[name] }))}
      value={current}
      allowDeselect={false}
      onChange={(chosen) => {
        const preset = presets.find(({ name }) => name === chosen);
        if (preset !== undefined) onChange(preset.options);
      }}
    />
  );
}

interface OptionProps {
  field: OptionField;
  value: number | null;
  onChange: (value: number | null) => void;
}

function Option({ field: { name, min, max, decimals, unit, whenEmpty }, value, onChange }: OptionProps): ReactNode {
  const { label, text } = words.automatic.fields[name];
  return (
    <NumberField
      label={label}
      description={`${text} ${words.automatic.range(count(min), count(max))}`}
      value={value}
      onChange={(typed) => (typed !== null || whenEmpty !== undefined) && onChange(typed)}
      min={min}
      max={max}
      decimals={decimals}
      {...(decimals > 0 ? { step: 0.01 } : {})}
      {...(unit === undefined ? {} : { suffix: unit })}
      {...(whenEmpty === undefined ? {} : { whenEmpty })}
    />
  );
}
