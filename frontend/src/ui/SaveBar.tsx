// The end of a form of settings: save, give up, and what to do when somebody else was quicker.
import { Button, Group, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { words } from "../words/ui";
import { ErrorPanel } from "./ErrorPanel";

interface SaveBarProps {
  label: string;
  isDirty: boolean;
  isSaving: boolean;
  isOvertaken: boolean;
  /** Why the last attempt was refused, for another reason than being overtaken. */
  refusal: string | null;
  onReset: (keepMine: boolean) => void;
}

export function SaveBar({ label, isDirty, isSaving, isOvertaken, refusal, onReset }: SaveBarProps): ReactNode {
  return (
    <Stack gap="md">
      {isOvertaken && (
        <ErrorPanel
          title={words.overtaken.title}
          message={words.overtaken.text}
          action={
            <>
              <Button variant="default" onClick={() => onReset(true)}>
                {words.overtaken.mine}
              </Button>
              <Button variant="default" onClick={() => onReset(false)}>
                {words.overtaken.theirs}
              </Button>
            </>
          }
        />
      )}
      {refusal !== null && !isOvertaken && <ErrorPanel title={words.notSaved} message={refusal} />}
      <Group gap="xs">
        <Button type="submit" disabled={!isDirty || isOvertaken} loading={isSaving}>
          {label}
        </Button>
        {isDirty && !isOvertaken && (
          <Button variant="default" onClick={() => onReset(false)}>
            {words.undoChanges}
          </Button>
        )}
      </Group>
    </Stack>
  );
}
