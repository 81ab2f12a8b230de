// An upload under way, then its receipt: one place, whatever happened to each of a thousand files.
import { Button, Group, Paper, Progress, Stack, Text } from "@mantine/core";
import { useThrottledValue } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useStore } from "zustand";
import { imagesKey } from "../../api/images";
import { projectQuery } from "../../api/projects";
import { bytes, duration } from "../../ui/format";
import { paceOf, rate } from "../../ui/progress";
import { words } from "../../words/images";
import { words as uiWords } from "../../words/ui";
import { UploadReceipt } from "./UploadReceipt";
import { closeReceipt, type Upload, uploads } from "./uploads";

const REFRESH_MS = 1500;

interface UploadPanelProps {
  projectId: number;
  /** The receipt waits there; progress shows on every page of the project. */
  isImagesPage: boolean;
}

export function UploadPanel({ projectId, isImagesPage }: UploadPanelProps): ReactNode {
  const upload = useStore(uploads, (all) => all[projectId]);
  useFreshImages(projectId, upload);
  if (upload === undefined || (upload.state !== "sending" && !isImagesPage)) return null;
  return (
    <div style={{ padding: "16px 24px 0" }}>
      <Paper withBorder p="md" component="section" aria-label={words.upload} data-upload={upload.state}>
        {upload.state === "sending" ? (
          <Sending upload={upload} />
        ) : (
          <UploadReceipt upload={upload} projectId={projectId} onClose={() => closeReceipt(projectId)} />
        )}
      </Paper>
    </div>
  );
}

/** New images appear in the grid while the rest is still being sent. */
function useFreshImages(projectId: number, upload: Upload | undefined): void {
  const queryClient = useQueryClient();
  const arrived = useThrottledValue(`${upload?.state} ${upload?.receipt.added ?? 0}`, REFRESH_MS);
  useEffect(() => {
    if (arrived.startsWith("undefined") || arrived === "sending 0") return;
    void queryClient.invalidateQueries({ queryKey: imagesKey(projectId) });
    void queryClient.invalidateQueries({ queryKey: projectQuery(projectId).queryKey, exact: true });
  }, [arrived, projectId, queryClient]);
}

function Sending({ upload }: { upload: Upload }): ReactNode {
  const seconds = (upload.nowMs - upload.startedAtMs) / 1000;
  const { perSecond } = paceOf(upload.answeredFiles, upload.files, seconds);
  const { secondsLeft } = paceOf(upload.sentBytes, upload.bytes, seconds);
  const isAllSent = upload.bytes > 0 && upload.sentBytes >= upload.bytes;
  const facts = [
    words.files(upload.answeredFiles, upload.files),
    words.bytes(bytes(Math.min(upload.sentBytes, upload.bytes)), bytes(upload.bytes)),
    perSecond === null ? null : rate(perSecond),
    secondsLeft === null ? null : uiWords.timeLeft(duration(secondsLeft)),
  ].filter((fact) => fact !== null);
  return (
    <Stack gap={8}>
      <Group justify="space-between" wrap="nowrap">
        <Text fw={600}>{isAllSent ? words.reading : words.sending}</Text>
        <Text c="dimmed" size="sm" className="tabular">
          {uiWords.listed(facts)}
        </Text>
        <Button size="compact-sm" variant="default" onClick={upload.cancel}>
          {words.cancel}
        </Button>
      </Group>
      <Progress
        size={4}
        value={upload.bytes === 0 ? 0 : (100 * upload.sentBytes) / upload.bytes}
        aria-label={words.shareSent}
        transitionDuration={140}
      />
    </Stack>
  );
}
