// Long work: phase, real counts, rate and an estimate once it can be known.
import { Group, Progress, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { words } from "../words/ui";
import { count, duration } from "./format";
import { phaseWords } from "./jobWords";
import { paceOf, rate } from "./progress";

interface JobProgressProps {
  phase: string;
  done: number;
  /** 0 = not known yet. */
  total: number;
  /** When these counts were true, in milliseconds. */
  readAt: number;
}

export function JobProgress({ phase, done, total, readAt }: JobProgressProps): ReactNode {
  // The pace is that of the phase as far as it was watched: a reload in the middle tells nothing of before.
  const [since, setSince] = useState({ phase, done, readAt });
  if (since.phase !== phase || since.done > done) setSince({ phase, done, readAt });
  const { perSecond, secondsLeft } = paceOf(done, total, (readAt - since.readAt) / 1000, since.done);
  const { label, unit } = phaseWords(phase);
  const facts = [
    total > 1 ? words.progress(count(done), count(total), unit) : null,
    perSecond === null || total <= 1 ? null : rate(perSecond),
    secondsLeft === null ? null : words.timeLeft(duration(secondsLeft)),
  ].filter((fact) => fact !== null);
  return (
    <div>
      <Group justify="space-between" gap="md" mb={6}>
        <Text size="sm">{label}</Text>
        <Text size="sm" c="dimmed" className="tabular">
          {words.listed(facts)}
        </Text>
      </Group>
      <Progress value={total > 0 ? (100 * done) / total : 0} size={4} aria-label={label} transitionDuration={140} />
    </div>
  );
}
