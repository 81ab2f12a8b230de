// What became of each file of an upload.
import { Button, Group, ScrollArea, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { count, plural } from "../../ui/format";
import { TextLink } from "../../ui/links";
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
          {upload.state === "cancelled" && <Text c="dimmed">The upload was cancelled; what had arrived is kept.</Text>}
          {leftOut > 0 && (
            <Text c="dimmed" size="sm">
              {plural(leftOut, "system file")} of the folder left out.
            </Text>
          )}
        </div>
        <Button size="compact-sm" variant="default" onClick={onClose}>
          Close
        </Button>
      </Group>
      <FileList title={`${plural(receipt.refused.length, "file")} refused`} files={receipt.refused} />
      <FileList title={`${plural(receipt.notSent.length, "file")} not sent`} files={receipt.notSent} />
      <Duplicates receipt={receipt} projectId={projectId} />
    </Stack>
  );
}

/** "12 added, 3 already there, 2 refused" */
export function headline({ added, duplicates, refused, notSent }: Receipt): string {
  const parts = [
    `${count(added)} added`,
    duplicates.length > 0 ? `${count(duplicates.length)} already there` : null,
    refused.length > 0 ? `${count(refused.length)} refused` : null,
    notSent.length > 0 ? `${count(notSent.length)} not sent` : null,
  ];
  return parts.filter((part) => part !== null).join(", ");
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
              {file_name}: <span style={{ color: "var(--sl-muted)" }}>{reason}</span>
            </li>
          ))}
        </ul>
      </Listed>
    </div>
  );
}

function Duplicates({ receipt, projectId }: { receipt: Receipt; projectId: number }): ReactNode {
  const title = `${plural(receipt.duplicates.length, "file")} already there`;
  if (receipt.duplicates.length === 0) return null;
  return (
    <div>
      <Group gap={6}>
        <IconCheck size={16} aria-hidden color="var(--sl-green)" />
        <Text size="sm" className="tabular">
          {title}: the same bytes are one image
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
