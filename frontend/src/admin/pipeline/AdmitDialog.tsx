// Moving images into a stage: first what would move, then the word that moves it.
import { Button, Checkbox, Group, Modal, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { imagesKey, thumbnailUrl } from "../../api/images";
import { admissionsKey, admit, type AdmitAnswer, type AdmitRule, stagesKey, stagesQuery } from "../../api/stages";
import type { StageName } from "../../api/types";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { NumberField } from "../../ui/NumberField";
import { STAGE_WORDS } from "../../ui/stageWords";
import { words } from "../../words/pipeline";

interface AdmitDialogProps {
  projectId: number;
  /** Where to; null = closed. */
  stage: StageName | null;
  onClose: () => void;
}

export function AdmitDialog({ projectId, stage, onClose }: AdmitDialogProps): ReactNode {
  return (
    <Modal
      opened={stage !== null}
      onClose={onClose}
      title={stage === null ? "" : words.admit.title(STAGE_WORDS[stage].name)}
      size="lg"
    >
      {stage !== null && <AdmitForm projectId={projectId} stage={stage} onClose={onClose} />}
    </Modal>
  );
}

type HowMany = "all" | "count" | "share";

interface Draft {
  howMany: HowMany;
  count: number | null;
  percent: number | null;
  nameContains: string;
  includeDone: boolean;
}

const EMPTY: Draft = { howMany: "all", count: 100, percent: 10, nameContains: "", includeDone: false };

/** What the fields mean; null while one that matters is empty. */
function ruleOf({ howMany, count, percent, nameContains, includeDone }: Draft): AdmitRule | null {
  if ((howMany === "count" && count === null) || (howMany === "share" && percent === null)) return null;
  return {
    count: howMany === "count" ? count : null,
    random_share: howMany === "share" && percent !== null ? percent / 100 : null,
    name_contains: nameContains.trim() === "" ? null : nameContains.trim(),
    image_ids: null,
    include_done: includeDone,
  };
}

function AdmitForm({ projectId, stage, onClose }: { projectId: number; stage: StageName; onClose: () => void }): ReactNode {
  const queryClient = useQueryClient();
  const [draft, setDraft] = useState(EMPTY);
  const [reason, setReason] = useState("");
  const [settled] = useDebouncedValue(draft, 250);
  const rule = ruleOf(settled);
  const dryRun = useQuery({
    queryKey: [...stagesKey(projectId), stage, "dry-run", rule],
    queryFn: ({ signal }) => {
      if (rule === null) throw new Error("the rule is incomplete");
      return admit(projectId, stage, { rule, reason: "", isDryRun: true }, signal);
    },
    enabled: rule !== null,
    placeholderData: keepPreviousData,
    staleTime: 0,
    gcTime: 0,
  });
  const move = useMutation({
    mutationFn: (wanted: AdmitRule) => admit(projectId, stage, { rule: wanted, reason: reason.trim(), isDryRun: false }),
    onSuccess: ({ image_count }) => {
      notifications.show({ message: words.admit.done(image_count, STAGE_WORDS[stage].name) });
      onClose();
      for (const queryKey of [stagesKey(projectId), admissionsKey(projectId), imagesKey(projectId)]) {
        void queryClient.invalidateQueries({ queryKey });
      }
    },
  });
  const stages = useQuery(stagesQuery(projectId));
  const isWithoutDetector = stage === "semi_automatic" && stages.data?.detector_version === null;
  const found = dryRun.data?.image_count ?? 0;
  const isSettled = settled === draft && dryRun.isSuccess && !dryRun.isPlaceholderData;
  const change = (part: Partial<Draft>): void => setDraft({ ...draft, ...part });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (rule !== null) move.mutate(rule);
      }}
    >
      <Stack>
        <RuleFields draft={draft} onChange={change} />
        {isWithoutDetector && <Text size="sm" c="var(--sl-amber)">{words.admit.noDetector}</Text>}
        <DryRun answer={dryRun.data} error={dryRun.error} includesDone={draft.includeDone} />
        <TextInput
          label={words.reason}
          description={words.admit.reasonText}
          placeholder={words.admit.reasonExample}
          required
          maxLength={1000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {move.error !== null && <ErrorPanel title={words.admit.notMoved} message={messageOf(move.error)} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button
            type="submit"
            loading={move.isPending}
            disabled={rule === null || found === 0 || !isSettled || reason.trim() === ""}
            className="tabular"
          >
            {found === 0 ? words.admit.admitNone : words.admit.admit(found)}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function RuleFields({ draft, onChange }: { draft: Draft; onChange: (part: Partial<Draft>) => void }): ReactNode {
  return (
    <>
      <Group align="flex-end" gap="md">
        <div>
          <Text size="sm" fw={500} mb={4} id="how-many">
            {words.admit.howMany}
          </Text>
          <SegmentedControl
            aria-labelledby="how-many"
            value={draft.howMany}
            onChange={(value) => onChange({ howMany: value as HowMany })}
            data={[
              { value: "all", label: words.admit.all },
              { value: "count", label: words.admit.number },
              { value: "share", label: words.admit.randomShare },
            ]}
          />
        </div>
        {draft.howMany === "count" && (
          <NumberField label={words.admit.numberOfImages} value={draft.count} onChange={(count) => onChange({ count })} min={1} max={1_000_000} />
        )}
        {draft.howMany === "share" && (
          <NumberField label={words.admit.share} value={draft.percent} onChange={(percent) => onChange({ percent })} min={0.1} max={100} decimals={1} suffix="%" />
        )}
      </Group>
      <TextInput
        label={words.admit.name}
        placeholder={words.admit.anyName}
        value={draft.nameContains}
        maxLength={200}
        onChange={(event) => onChange({ nameContains: event.currentTarget.value })}
      />
      <Checkbox
        label={words.admit.doneToo}
        description={words.admit.doneTooText}
        checked={draft.includeDone}
        onChange={(event) => onChange({ includeDone: event.currentTarget.checked })}
      />
    </>
  );
}

interface DryRunProps {
  answer: AdmitAnswer | undefined;
  error: Error | null;
  includesDone: boolean;
}

function DryRun({ answer, error, includesDone }: DryRunProps): ReactNode {
  if (error !== null) return <ErrorPanel title={words.admit.unknown} message={messageOf(error)} />;
  return (
    <div aria-live="polite" style={{ minHeight: 120 }}>
      <Text className="tabular" mb={8} data-found={answer?.image_count}>
        {answer === undefined ? words.admit.counting : foundWords(answer.image_count, includesDone)}
      </Text>
      <div className="thumbs">
        {answer?.first.map(({ id, file_name }) => (
          <img key={id} src={thumbnailUrl(id)} alt={file_name} title={file_name} loading="lazy" />
        ))}
      </div>
    </div>
  );
}

function foundWords(found: number, includesDone: boolean): string {
  if (found > 0) return words.admit.found(found);
  return includesDone ? words.admit.noneFits : words.admit.noneWaitingFits;
}
