// What became of each file of an upload.
import { Button, Group, ScrollArea, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { TextLink } from "../../ui/links";
import { words } from "../../words/images";
import { words as uiWords } from "../../words/ui";
import type { Receipt, Refused } from "./transfer";
import type { Upload } from "./uploads";

interface UploadReceiptProps {
  upload: Upload;
  projectId: number;
  onClose: () => void;
}

export function UploadReceipt({ upload, projectId, onClose }: UploadReceiptProps): ReactNode {
  const { receipt, leftOut } = upload;
  return (
    <Stack gap="sm">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div role="status">
          <Text fw={600} className="tabular">
            {headline(receipt)}
          </Text>
          {upload.state === "cancelled" && <Text c="dimmed">{words.receipt.cancelled}</Text>}
          {leftOut > 0 && (
            <Text c="dimmed" size="sm">
              {words.receipt.leftOut(leftOut)}
            </Text>
          )}
        </div>
        <Button size="compact-sm" variant="default" onClick={onClose}>
          {words.receipt.close}
        </Button>
      </Group>
      <FileList title={words.receipt.refusedFiles(receipt.refused.length)} files={receipt.refused} />
      <FileList title={words.receipt.notSentFiles(receipt.notSent.length)} files={receipt.notSent} />
      <Duplicates receipt={receipt} projectId={projectId} />
    </Stack>
  );
}

/** "12 added, 3 already there, 2 refused" */
export function headline({ added, duplicates, refused, notSent }: Receipt): string {
  const parts = [
    words.receipt.added(added),
    duplicates.length > 0 ? words.receipt.duplicates(duplicates.length) : null,
    refused.length > 0 ? words.receipt.refused(refused.length) : null,
    notSent.length > 0 ? words.receipt.notSent(notSent.length) : null,
  ];
  return uiWords.listed(parts.filter((part) => part !== null));
}

/** Long lists scroll inside the receipt; the grid below stays in sight. */
function Listed({ children, label }: { children: ReactNode; label: string }): ReactNode {
  return (
    <ScrollArea.Autosize mah={180} type="auto" viewportProps={{ tabIndex: 0, "aria-label": label, role: "region" }}>
      {children}
    </ScrollArea.Autosize>
  );
}

function FileList({ title, files }: { title: string; files: readonly Refused[] }): ReactNode {
  if (files.length === 0) return null;
  return (
    <div>
      <Group gap={6}>
        <IconAlertTriangle size={16} aria-hidden color="var(--sl-red)" />
        <Text size="sm" className="tabular">
          {title}
        </Text>
      </Group>
      <Listed label={title}>
        <ul style={{ margin: "4px 0 0", paddingLeft: 22, listStyle: "none", fontSize: 13 }}>
          {files.map(({ file_name, reason }, index) => (
            <li key={index} style={{ overflowWrap: "anywhere", padding: "2px 0" }}>
              {words.receipt.reasonOf(file_name)} <span style={{ color: "var(--sl-muted)" }}>{reason}</span>
            </li>
          ))}
        </ul>
      </Listed>
    </div>
  );
}

function Duplicates({ receipt, projectId }: { receipt: Receipt; projectId: number }): ReactNode {
  const title = words.receipt.duplicateFiles(receipt.duplicates.length);
  if (receipt.duplicates.length === 0) return null;
  return (
    <div>
      <Group gap={6}>
        <IconCheck size={16} aria-hidden color="var(--sl-green)" />
        <Text size="sm" className="tabular">
          {words.receipt.duplicatesWhy(title)}
        </Text>
      </Group>
      <Listed label={title}>
        <ul style={{ margin: "4px 0 0", paddingLeft: 22, listStyle: "none", fontSize: 13 }}>
          {receipt.duplicates.map(({ file_name, image_id }, index) => (
            <li key={index} style={{ overflowWrap: "anywhere", padding: "2px 0" }}>
              <TextLink
                to="/projects/$projectId/annotate"
                params={{ projectId }}
                search={{ image: image_id }}
                underline="always"
                fz={13}
              >
                {file_name}
              </TextLink>
            </li>
          ))}
        </ul>
      </Listed>
    </div>
  );
}
