// What will be here, why it is not yet, and one thing to do about it.
import { Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface EmptyStateProps {
  title: string;
  children: ReactNode;
  action?: ReactNode;
  /** Whether this is all there is on the page, so that its title is the page's. */
  isPage?: boolean;
}

export function EmptyState({ title, children, action, isPage = false }: EmptyStateProps): ReactNode {
  return (
    <Stack align="center" gap="xs" py={72} px="md" ta="center">
      <Title order={isPage ? 1 : 2}>{title}</Title>
      <Text c="dimmed" maw={440}>
        {children}
      </Text>
      {action !== undefined && <div style={{ marginTop: 12 }}>{action}</div>}
    </Stack>
  );
}
