// For a run that is trained elsewhere: its checkpoint, from the administrator's own disk.
import { Button, FileButton, Group, Progress, Text } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useRef, useState } from "react";
import { messageOf } from "../../api/errors";
import { type Run, runsKey, sendCheckpoint } from "../../api/training";
import { bytes } from "../../ui/format";
import { words } from "../../words/models";
import { words as uiWords } from "../../words/ui";

export function SendCheckpoint({ run }: { run: Run }): ReactNode {
  const queryClient = useQueryClient();
  const stop = useRef(new AbortController());
  const [sent, setSent] = useState(0);
  const send = useMutation({
    mutationFn: (file: File) => {
      stop.current = new AbortController();
      setSent(0);
      return sendCheckpoint(run.id, file, { signal: stop.current.signal, onBytesSent: setSent });
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: runsKey(run.project_id) }),
  });
  const file = send.variables;
  if (send.isPending && file !== undefined) {
    const label = words.runs.sending(file.name);
    const share = file.size === 0 ? 100 : (100 * Math.min(sent, file.size)) / file.size;
    return (
      <Group gap="md" align="center" role="status">
        <div style={{ flex: 1 }}>
          <Group justify="space-between" mb={6}>
            <Text size="sm">{label}</Text>
            <Text size="sm" c="dimmed" className="tabular">
              {uiWords.progress(bytes(Math.min(sent, file.size)), bytes(file.size), "")}
            </Text>
          </Group>
          <Progress value={share} size={4} aria-label={label} transitionDuration={140} />
        </div>
        <Button size="compact-sm" variant="default" onClick={() => stop.current.abort()}>
          {words.runs.stopSending}
        </Button>
      </Group>
    );
  }
  const isRefused = send.error !== null && send.error.name !== "AbortError";
  return (
    <div>
      <Group gap="md">
        <FileButton accept=".zip,application/zip" onChange={(chosen) => chosen !== null && send.mutate(chosen)}>
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
      {isRefused && (
        <Text size="sm" role="alert" c="var(--sl-red)" mt={6}>
          {words.runs.notSent(messageOf(send.error))}
        </Text>
      )}
    </div>
  );
}
