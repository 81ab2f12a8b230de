// The place of a list that is being fetched.
import { Skeleton, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { words } from "../words/ui";
import { Delayed } from "./Delayed";

export function SkeletonRows({ rows, height }: { rows: number; height: number }): ReactNode {
  return (
    <Delayed>
      <Stack gap={8} role="status" aria-busy="true" aria-label={words.loading}>
        {Array.from({ length: rows }, (_, row) => (
          <Skeleton key={row} height={height} />
        ))}
      </Stack>
    </Delayed>
  );
}
