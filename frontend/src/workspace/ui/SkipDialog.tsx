// Why a photo is put aside; Enter alone repeats the last reason.
import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { words } from "../../words/workspace";
import { pagePreferences } from "../preferences/page";
import { useWorkplace } from "./context";

export function SkipDialog({ onClose }: { onClose: () => void }): ReactNode {
  return (
    <Modal opened onClose={onClose} title={words.skipDialog.title}>
      <SkipForm onClose={onClose} />
    </Modal>
  );
}

function SkipForm({ onClose }: { onClose: () => void }): ReactNode {
  const { session } = useWorkplace();
  const [reason, setReason] = useState(() => pagePreferences.store.getState().skipReason ?? words.skipDialog.reasons.nothing);
  const skip = (): void => {
    const skipReason = reason.trim();
    pagePreferences.store.setState({ skipReason });
    onClose();
    void session.queue.skip(skipReason);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        skip();
      }}
    >
      <Stack gap="sm">
        <TextInput label={words.skipDialog.reason} value={reason} maxLength={500} data-autofocus onFocus={(event) => event.target.select()} onChange={(event) => setReason(event.target.value)} />
        <Group gap={6}>
          {Object.values(words.skipDialog.reasons).map((known) => (
            <Button key={known} size="compact-xs" variant={known === reason ? "light" : "default"} onClick={() => setReason(known)}>{known}</Button>
          ))}
        </Group>
        <Group gap="xs">
          <Button type="submit">{words.skipDialog.skip}</Button>
          <Button variant="default" onClick={onClose}>{words.skipDialog.cancel}</Button>
        </Group>
      </Stack>
    </form>
  );
}
