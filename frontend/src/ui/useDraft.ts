// Settings being edited while they may change under one's hands: what is typed is kept until it is saved or given up.
import { useState } from "react";

export interface Draft<Value extends object> {
  value: Value;
  change: (part: Partial<Value>) => void;
  /** The parts that differ from what the draft began with. */
  changed: Partial<Value>;
  isDirty: boolean;
  /** The revision it began with. */
  revision: number;
  /** Somebody saved a newer revision while this one was being edited. */
  isOvertaken: boolean;
  /** Begins anew with what stands now; `keep`: with what was typed laid over it. */
  restart: (keep: boolean) => void;
  /** `sent` was saved and stands as `standing` now: what was typed meanwhile stays typed. */
  saved: (sent: Value, standing: Value, revision: number) => void;
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

export function differences<Value extends object>(from: Value, to: Value): Partial<Value> {
  const keys = Object.keys(to) as (keyof Value)[];
  return Object.fromEntries(keys.filter((key) => !isSame(from[key], to[key])).map((key) => [key, to[key]])) as Partial<Value>;
}

type Group = Readonly<Record<string, unknown>>;
const isGroup = (value: unknown): value is Group => typeof value === "object" && value !== null && !Array.isArray(value);

/** `theirs` with what differs between `from` and `mine`, group by group: what others changed beside it stays. */
function laidOver<Value extends object>(from: Value, mine: Value, theirs: Value): Value {
  const [before, now] = [from as Group, theirs as Group];
  const laid = Object.entries(differences(from, mine) as Group).map(([key, part]) => {
    const [old, their] = [before[key], now[key]];
    return [key, isGroup(old) && isGroup(part) && isGroup(their) ? laidOver(old, part, their) : part];
  });
  return { ...theirs, ...Object.fromEntries(laid) } as Value;
}

/** `standing`: what the server has now. An untouched draft follows it. */
export function useDraft<Value extends object>(standing: Value, revision: number): Draft<Value> {
  const [base, setBase] = useState({ value: standing, revision });
  const [value, setValue] = useState(standing);
  const changed = differences(base.value, value);
  const isDirty = Object.keys(changed).length > 0;
  const restart = (keep: boolean): void => {
    setBase({ value: standing, revision });
    setValue(keep ? laidOver(base.value, value, standing) : standing);
  };
  const saved = (sent: Value, after: Value, revisionAfter: number): void => {
    setBase({ value: after, revision: revisionAfter });
    setValue((now) => laidOver(sent, now, after));
  };
  // What was saved here may be known before what stands is read again.
  const isOlder = base.revision < revision;
  if (isOlder && (!isDirty || isSame(value, standing))) restart(false);
  return {
    value,
    change: (part) => setValue({ ...value, ...part }),
    changed,
    isDirty,
    revision: base.revision,
    isOvertaken: isOlder && isDirty,
    restart,
    saved,
  };
}
