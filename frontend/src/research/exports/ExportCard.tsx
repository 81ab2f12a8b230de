// One export: progress while it is made, then its receipt.
import { Button, Group, Paper, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { cancelJob, deleteExport, downloadUrl, exportsKey, isUnderWay, retryJob } from "../../api/jobs";
import { projectQuery } from "../../api/projects";
import { canExport } from "../../api/roles";
import type { Export } from "../../api/types";
import { CopyField } from "../../ui/CopyField";
import { bytes, moment } from "../../ui/format";
import { JobProgress } from "../../ui/JobProgress";
import { JobStateMark } from "../../ui/JobStateMark";
import { words } from "../../words/exporting";
import { words as uiWords } from "../../words/ui";
import { LOADING_CODE } from "./loadingCode";

interface ExportCardProps {
  item: Export;
  /** When the server's answer came, in milliseconds. */
  readAt: number;
}

export function ExportCard({ item, readAt }: ExportCardProps): ReactNode {
  const title = words.name(item.format, item.include_images);
  return (
    <Paper withBorder p="md" component="article" aria-label={words.item(item.id, title)} data-export={item.id} data-state={item.state}>
      <Stack gap="sm">
        <Group gap="md" wrap="nowrap">
          <JobStateMark state={item.state} />
          <Text fw={600} style={{ flex: 1 }}>
            {title}
          </Text>
          <Text size="sm" c="dimmed" className="tabular">
            {moment(item.created_at)}
          </Text>
          <ExportActions item={item} />
        </Group>
        {isUnderWay(item.state) && <JobProgress {...item.progress} readAt={readAt} />}
        {item.state === "dead" && (
          <Text c="var(--sl-red)">{item.error ?? words.failed}</Text>
        )}
        {item.state === "done" && <Receipt item={item} />}
      </Stack>
    </Paper>
  );
}

function ExportActions({ item }: { item: Export }): ReactNode {
  const queryClient = useQueryClient();
  const { data: project } = useQuery(projectQuery(item.project_id));
  const refresh = (): Promise<void> => queryClient.invalidateQueries({ queryKey: exportsKey(item.project_id) });
  const cancel = useMutation({ mutationFn: () => cancelJob(item.job_id), onSettled: refresh });
  const retry = useMutation({ mutationFn: () => retryJob(item.job_id), onSettled: refresh });
  const remove = useMutation({ mutationFn: () => deleteExport(item.id), onSettled: refresh });
  // Null until asked for the first time: focus goes from button to button, but not to a card that has just come.
  const [isAsking, setIsAsking] = useState<boolean | null>(null);
  const refusal = cancel.error ?? retry.error ?? remove.error;
  const mayAct = project !== undefined && canExport(project);
  return (
    <>
      {refusal !== null && (
        <Text size="sm" role="alert" c="var(--sl-red)">
          {messageOf(refusal)}
        </Text>
      )}
      {item.state === "done" && (
        <Button
          component="a"
          href={downloadUrl(item.id)}
          download
          size="compact-md"
          leftSection={<IconDownload aria-hidden size={16} />}
        >
          {words.download}
        </Button>
      )}
      {mayAct && isUnderWay(item.state) && (
        <Button size="compact-md" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
          {words.cancel}
        </Button>
      )}
      {mayAct && (item.state === "dead" || item.state === "cancelled") && (
        <Button size="compact-md" variant="default" loading={retry.isPending} onClick={() => retry.mutate()}>
          {words.runAgain}
        </Button>
      )}
      {mayAct && !isUnderWay(item.state) && isAsking !== true && (
        <Button size="compact-md" variant="default" autoFocus={isAsking === false} onClick={() => setIsAsking(true)}>
          {words.remove}
        </Button>
      )}
      {isAsking === true && (
        <>
          <Button size="compact-md" variant="default" autoFocus onClick={() => setIsAsking(false)}>
            {words.keep}
          </Button>
          <Button size="compact-md" color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            {words.removeForGood}
          </Button>
        </>
      )}
    </>
  );
}

function Receipt({ item }: { item: Export }): ReactNode {
  const facts = [
    item.image_count === null ? null : words.images(item.image_count),
    item.mask_count === null ? null : words.masks(item.mask_count),
    item.byte_size === null ? null : bytes(item.byte_size),
  ].filter((fact) => fact !== null);
  const code = LOADING_CODE[item.format];
  return (
    <Stack gap="sm">
      <Text className="tabular">{uiWords.listed(facts)}</Text>
      {item.sha256 !== null && <CopyField label={words.checksum} value={item.sha256} />}
      <CopyField label={words.code} value={code} lines={code.split("\n").length} />
    </Stack>
  );
}
