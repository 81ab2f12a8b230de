// Starts a run now. What is left empty is as the training policy says.
import { Button, Group, Modal, Radio, Select, Stack } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ApiError, hasCode, messageOf } from "../../api/errors";
import { modelsQuery } from "../../api/jobs";
import { type RunKind, runsKey, startRun, type TrainingPolicy } from "../../api/training";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { NumberField } from "../../ui/NumberField";
import { words } from "../../words/models";
import { TUNES } from "./policyWords";
import { KIND_WORDS } from "./runWords";

interface StartRunProps {
  projectId: number;
  isOpen: boolean;
  onClose: () => void;
}

export function StartRun({ projectId, isOpen, onClose }: StartRunProps): ReactNode {
  return (
    <Modal opened={isOpen} onClose={onClose} title={words.start.title}>
      <StartForm projectId={projectId} onClose={onClose} />
    </Modal>
  );
}

interface Wanted {
  tune: TrainingPolicy["tune"] | null;
  steps: number | null;
  max_minutes: number | null;
}

function StartForm({ projectId, onClose }: { projectId: number; onClose: () => void }): ReactNode {
  const queryClient = useQueryClient();
  const [kind, setKind] = useState<RunKind>("model");
  const [wanted, setWanted] = useState<Wanted>({ tune: null, steps: null, max_minutes: null });
  const [base, setBase] = useState<string | null>(null);
  const { data: models } = useQuery(modelsQuery);
  const start = useMutation({
    mutationFn: (isInsisting: boolean) =>
      startRun(projectId, { kind, ...(base !== null && { base }), options: filled(wanted), train_anyway: isInsisting }),
    onSuccess: () => {
      onClose();
      return queryClient.invalidateQueries({ queryKey: runsKey(projectId) });
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        start.mutate(false);
      }}
    >
      <Stack>
        <Radio.Group label={words.start.what} value={kind} onChange={(value) => setKind(value === "detector" ? "detector" : "model")}>
          <Stack gap="xs" mt="xs">
            {(["model", "detector"] as const).map((value) => (
              <Radio key={value} value={value} label={KIND_WORDS[value].name} description={words.start.does(KIND_WORDS[value].does)} />
            ))}
          </Stack>
        </Radio.Group>
        <Select
          label={words.start.base}
          description={words.start.baseText}
          placeholder={words.start.asPolicy}
          data={models?.items.map(({ id }) => id) ?? []}
          clearable
          searchable
          value={base}
          onChange={setBase}
        />
        {kind === "model" && (
          <Select
            label={words.start.tune}
            placeholder={words.start.asPolicy}
            data={TUNES}
            clearable
            value={wanted.tune}
            onChange={(tune) => setWanted({ ...wanted, tune: tune as Wanted["tune"] })}
          />
        )}
        <Group grow align="flex-start">
          <NumberField
            label={words.start.steps}
            whenEmpty={words.start.asPolicy}
            value={wanted.steps}
            onChange={(steps) => setWanted({ ...wanted, steps })}
            min={1}
            max={1_000_000}
          />
          <NumberField
            label={words.start.minutes}
            whenEmpty={words.start.asPolicy}
            value={wanted.max_minutes}
            onChange={(max_minutes) => setWanted({ ...wanted, max_minutes })}
            min={0.1}
            decimals={1}
          />
        </Group>
        {start.error !== null && (
          <ErrorPanel
            title={words.start.notStarted}
            message={refusalWords(start.error)}
            action={
              hasCode(start.error, "too_few_frozen_images") ? (
                <Button variant="default" onClick={() => start.mutate(true)}>
                  {words.start.anyway}
                </Button>
              ) : undefined
            }
          />
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button type="submit" loading={start.isPending}>
            {words.start.start}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

const filled = (wanted: Wanted): Partial<TrainingPolicy> =>
  Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null));

function refusalWords(error: Error): string {
  if (!(error instanceof ApiError)) return messageOf(error);
  const [have, need] = [Number(error.body["have"]), Number(error.body["need"])];
  if (hasCode(error, "too_few_masks")) return words.start.tooFew(have, need);
  return hasCode(error, "too_few_frozen_images") ? words.start.tooFewFrozen(have, need) : messageOf(error);
}
