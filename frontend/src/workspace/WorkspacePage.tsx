// Placeholder until the annotator's workspace moves in.
import { Center, Text } from "@mantine/core";
import type { ReactNode } from "react";

export interface WorkspacePageProps {
  projectId: number;
  imageId: number | null;
}

export function WorkspacePage({ projectId, imageId }: WorkspacePageProps): ReactNode {
  return (
    <Center h="100dvh">
      <Text c="dimmed">
        Project {projectId}, {imageId === null ? "next image of the queue" : `image ${imageId}`}
      </Text>
    </Center>
  );
}
