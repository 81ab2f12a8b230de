import "@mantine/core/styles.css";
import { MantineProvider } from "@mantine/core";
import type { ReactNode } from "react";
import { WorkspacePage } from "../workspace/WorkspacePage";

export function App(): ReactNode {
  return (
    <MantineProvider defaultColorScheme="auto">
      <WorkspacePage projectId={1} imageId={null} />
    </MantineProvider>
  );
}
