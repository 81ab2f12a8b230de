// Something to copy: shown whole, selectable, with a button.
import { Button, CopyButton, Group, Textarea, TextInput } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { words } from "../words/ui";

interface CopyFieldProps {
  label: string;
  value: string;
  lines?: number;
}

export function CopyField({ label, value, lines = 1 }: CopyFieldProps): ReactNode {
  const shared = {
    label,
    value,
    readOnly: true,
    style: { flex: 1 },
    styles: { input: { fontFamily: "var(--sl-mono)", fontSize: 13 } },
    onFocus: (event: { currentTarget: { select: () => void } }) => event.currentTarget.select(),
  };
  return (
    <Group align="flex-end" gap="xs" wrap="nowrap">
      {lines === 1 ? <TextInput {...shared} /> : <Textarea {...shared} rows={lines} wrap="off" />}
      <CopyButton value={value} timeout={2000}>
        {({ copied, copy }) => (
          <Button
            variant="default"
            onClick={copy}
            w={104}
            leftSection={copied ? <IconCheck aria-hidden size={16} /> : <IconCopy aria-hidden size={16} />}
          >
            {copied ? words.copied : words.copy}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}
