// The end of a form of settings: save, give up, what to do when somebody else was quicker, and before what was typed is left.
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
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
      {refusal !== null && isDirty && !isOvertaken && <ErrorPanel title={words.notSaved} message={refusal} />}
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
      <Leaving isDirty={isDirty && !isSaving} />
    </Stack>
  );
}

/** Asks before a link, or another view of the page, takes a form away with what was typed. */
export function Leaving({ isDirty }: { isDirty: boolean }): ReactNode {
  const { status, proceed, reset } = useBlocker({ shouldBlockFn: () => isDirty, enableBeforeUnload: isDirty, withResolver: true });
  return (
    <Modal opened={status === "blocked"} onClose={() => reset?.()} title={words.leaving.title}>
      <Stack>
        <Text>{words.leaving.text}</Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => proceed?.()}>
            {words.leaving.leave}
          </Button>
          <Button data-autofocus onClick={() => reset?.()}>
            {words.leaving.stay}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
