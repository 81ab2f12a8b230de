// Long work: phase, real counts, rate and an estimate once it can be known.
import { Group, Progress, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { count, duration, sentence } from "./format";
import { paceOf, rate } from "./progress";

interface JobProgressProps {
  phase: string;
  done: number;
  /** 0 = not known yet. */
  total: number;
  /** Seconds since the work started; null = not started. */
  seconds: number | null;
  /** What is counted, in the plural. */
  unit: string;
}

export function JobProgress({ phase, done, total, seconds, unit }: JobProgressProps): ReactNode {
  const { perSecond, secondsLeft } = paceOf(done, total, seconds ?? 0);
  const facts = [
    total > 0 ? `${count(done)} of ${count(total)} ${unit}` : done > 0 ? `${count(done)} ${unit}` : null,
    perSecond === null ? null : rate(perSecond),
    secondsLeft === null ? null : `about ${duration(secondsLeft)} left`,
  ].filter((fact) => fact !== null);
  const share = total > 0 ? (100 * done) / total : 0;
  const label = phase === "" ? "Waiting to start" : sentence(phase);
  return (
    <div>
      <Group justify="space-between" gap="md" mb={6}>
        <Text size="sm">{label}</Text>
        <Text size="sm" c="dimmed" className="tabular">
          {facts.join(", ")}
        </Text>
      </Group>
      <Progress value={share} size={4} aria-label={label} transitionDuration={140} />
    </div>
  );
}
