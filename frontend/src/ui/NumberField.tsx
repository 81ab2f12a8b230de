// A number, or nothing where nothing has a meaning.
import { NumberInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { FIELD_ORDER } from "./FieldGroup";

interface NumberFieldProps {
  label: string;
  description?: string;
  value: number | null | undefined;
  onChange: (value: number | null) => void;
  /** What an empty field means, such as "No limit"; without it the field must be filled. */
  whenEmpty?: string;
  min?: number;
  max?: number;
  step?: number;
  decimals?: number;
  suffix?: string;
  isDisabled?: boolean;
}

export function NumberField({ label, description, value, onChange, whenEmpty, min, max, step, decimals = 0, suffix, isDisabled = false }: NumberFieldProps): ReactNode {
  // As it was typed: "10." on the way to 10.7 is the number 10, but must not become its text.
  const [text, setText] = useState<number | string>(value ?? "");
  return (
    <NumberInput
      label={label}
      description={description}
      inputWrapperOrder={FIELD_ORDER}
      value={numberOf(text) === (value ?? null) ? text : (value ?? "")}
      onChange={(typed) => {
        setText(typed);
        onChange(numberOf(typed));
      }}
      placeholder={whenEmpty}
      required={whenEmpty === undefined}
      withAsterisk={false}
      disabled={isDisabled}
      decimalScale={decimals}
      allowNegative={min === undefined || min < 0}
      thousandSeparator=","
      clampBehavior="blur"
      hideControls
      className="tabular"
      {...(min === undefined ? {} : { min })}
      {...(max === undefined ? {} : { max })}
      {...(step === undefined ? {} : { step })}
      {...(suffix === undefined ? {} : { suffix: ` ${suffix}` })}
    />
  );
}

/** What is half typed comes as text, "0." on the way to 0.85: that is a number, too. */
const numberOf = (typed: number | string): number | null => (typed === "" || Number.isNaN(Number(typed)) ? null : Number(typed));
