// The link to hand over, shown once.
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { CopyField } from "../../ui/CopyField";
import { words } from "../../words/people";

interface SignInLinkDialogProps {
  link: { email: string; url: string } | null;
  onClose: () => void;
}

export function SignInLinkDialog({ link, onClose }: SignInLinkDialogProps): ReactNode {
  return (
    <Modal opened={link !== null} onClose={onClose} title={words.link.title} size="lg">
      <Stack>
        <Text>
          {words.link.text(link?.email ?? "")}
        </Text>
        <CopyField label={words.link.label} value={link?.url ?? ""} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {words.close}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
