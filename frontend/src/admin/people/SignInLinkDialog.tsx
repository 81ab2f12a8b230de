// The link to hand over, shown once.
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { CopyField } from "../../ui/CopyField";

interface SignInLinkDialogProps {
  link: { email: string; url: string } | null;
  onClose: () => void;
}

export function SignInLinkDialog({ link, onClose }: SignInLinkDialogProps): ReactNode {
  return (
    <Modal opened={link !== null} onClose={onClose} title="Sign-in link" size="lg">
      <Stack>
        <Text>
          Hand this link to {link?.email}. It signs in once, and is shown only now; you can make another at any time.
        </Text>
        <CopyField label="Link" value={link?.url ?? ""} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
