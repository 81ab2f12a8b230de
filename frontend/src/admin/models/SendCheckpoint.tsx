// For a run that is trained elsewhere: its checkpoint, from the administrator's own disk.
import { Button, FileButton, Group, Progress, Text } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useStore } from "zustand";
import { messageOf } from "../../api/errors";
import { type Run, runsKey } from "../../api/training";
import { bytes } from "../../ui/format";
import { words } from "../../words/models";
import { words as uiWords } from "../../words/ui";
import { type Sending, sendings, startSending } from "./checkpoints";

export function SendCheckpoint({ run }: { run: Run }): ReactNode {
  const queryClient = useQueryClient();
  const sending = useStore(sendings, (all) => all[run.id]);
  const refusal = sending?.error ?? null;
  if (sending !== undefined && refusal === null) return <OnItsWay sending={sending} />;
  const send = async (file: File): Promise<void> => {
    await startSending(run.id, file);
    await queryClient.invalidateQueries({ queryKey: runsKey(run.project_id) });
  };
  return (
    <div>
      <Group gap="md">
        <FileButton accept=".zip,application/zip" onChange={(chosen) => chosen !== null && void send(chosen)}>
          {(props) => (
            <Button {...props} size="compact-sm" variant="default" leftSection={<IconUpload aria-hidden size={16} />}>
              {words.runs.send}
            </Button>
          )}
        </FileButton>
        <Text size="sm" c="dimmed">
          {words.runs.sendText}
        </Text>
      </Group>
      {refusal !== null && (
        <Text size="sm" role="alert" c="var(--sl-red)" mt={6}>
          {words.runs.notSent(messageOf(refusal))}
        </Text>
      )}
    </div>
  );
}

function OnItsWay({ sending }: { sending: Sending }): ReactNode {
  const label = words.runs.sending(sending.name);
  const sentBytes = Math.min(sending.sentBytes, sending.bytes);
  return (
    <Group gap="md" align="center" role="status">
      <div style={{ flex: 1 }}>
        <Group justify="space-between" mb={6}>
          <Text size="sm">{label}</Text>
          <Text size="sm" c="dimmed" className="tabular">
            {uiWords.progress(bytes(sentBytes), bytes(sending.bytes), "")}
          </Text>
        </Group>
        <Progress value={sending.bytes === 0 ? 100 : (100 * sentBytes) / sending.bytes} size={4} aria-label={label} transitionDuration={140} />
      </div>
      <Button size="compact-sm" variant="default" onClick={sending.stop}>
        {words.runs.stopSending}
      </Button>
    </Group>
  );
}
