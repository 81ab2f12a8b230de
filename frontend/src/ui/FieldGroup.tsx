// Fields that belong together, in columns, under one title.
import "./fields.css";
import type { ReactNode } from "react";

/** What explains a field stands below it, so that neighbours stay level. */
export const FIELD_ORDER: ("label" | "input" | "description" | "error")[] = ["label", "input", "description", "error"];

export function FieldGroup({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <fieldset className="field-group">
      <legend>{title}</legend>
      <div className="field-grid">{children}</div>
    </fieldset>
  );
}
