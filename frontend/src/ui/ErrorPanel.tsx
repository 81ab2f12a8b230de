// What happened, what is safe, what to do.
import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { words } from "../words/ui";

interface ErrorPanelProps {
  title: string;
  message: string;
  /** What is not lost, if that could be feared. */
  safe?: string;
  onRetry?: (() => void) | undefined;
  action?: ReactNode;
}

export function ErrorPanel({ title, message, safe, onRetry, action }: ErrorPanelProps): ReactNode {
  return (
    <Alert
      role="alert"
      title={title}
      icon={<IconAlertTriangle aria-hidden size={18} />}
      variant="default"
      styles={{ root: { borderColor: "var(--sl-red)" }, icon: { color: "var(--sl-red)" }, title: { color: "var(--sl-text)" } }}
    >
      <Text>{message}</Text>
      {safe !== undefined && <Text c="dimmed">{safe}</Text>}
      {(onRetry !== undefined || action !== undefined) && (
        <Group mt="sm" gap="xs">
          {onRetry !== undefined && (
            <Button variant="default" onClick={onRetry}>
              {words.tryAgain}
            </Button>
          )}
          {action}
        </Group>
      )}
    </Alert>
  );
}
