// What is wrong with a finished photo, in words that reach the annotator.
import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { words } from "../../words/workspace";
import { selectedMaskOf } from "../state";
import { useWorkplace, useWorkspace } from "./context";


export function SendBackDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { reviewing } = useWorkplace();
  const mask = useWorkspace(selectedMaskOf);
  const [reason, setReason] = useState("");
  return (
    <Modal opened onClose={onClose} title={words.sendBackDialog.title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onClose();
          void reviewing?.sendBack(reason.trim());
        }}
      >
        <Stack gap="sm">
          <Text c="dimmed" size="sm">{words.sendBackDialog.why(mask?.number ?? null)}</Text>
          <Textarea
            label={words.sendBackDialog.reason}
            required
            autosize
            minRows={2}
            maxRows={8}
            maxLength={1000}
            data-autofocus
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
                event.preventDefault();
                event.currentTarget.form?.requestSubmit();
              }
            }}
          />
          <Group gap="xs">
            <Button type="submit" disabled={reason.trim() === ""}>{words.sendBackDialog.send}</Button>
            <Button variant="default" onClick={onClose}>{words.sendBackDialog.cancel}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
