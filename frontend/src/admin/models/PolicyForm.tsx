// When the project retrains, how, and what a candidate must show before it goes live.
import { PasswordInput, Select, Stack, Switch, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { hasCode, messageOf } from "../../api/errors";
import {
  changeTrainingPolicy,
  snapshotsQuery,
  type TrainingPolicy,
  type TrainingPolicyAnswer,
  trainingPolicyKey,
  trainingPolicyQuery,
} from "../../api/training";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { FIELD_ORDER, FieldGroup } from "../../ui/FieldGroup";
import { NumberField } from "../../ui/NumberField";
import { SaveBar } from "../../ui/SaveBar";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { useDraft } from "../../ui/useDraft";
import { words } from "../../words/trainingPolicy";
import { GATE_MEASURES, policySentence, TUNES, waitingSentence } from "./policyWords";

export function PolicyForm({ projectId }: { projectId: number }): ReactNode {
  const policy = useQuery(trainingPolicyQuery(projectId));
  return (
    <Stack component="section" aria-labelledby="policy" gap="md">
      <div>
        <Title order={2} id="policy">
          {words.title}
        </Title>
        {policy.data !== undefined && <PolicyState answer={policy.data} />}
      </div>
      {policy.isPending && <SkeletonRows rows={3} height={56} />}
      {policy.error !== null && (
        <ErrorPanel title={words.notRead} message={messageOf(policy.error)} onRetry={() => void policy.refetch()} />
      )}
      {policy.data !== undefined && <Fields projectId={projectId} answer={policy.data} />}
    </Stack>
  );
}

function PolicyState({ answer }: { answer: TrainingPolicyAnswer }): ReactNode {
  const waiting = waitingSentence(answer);
  return (
    <>
      <Text c="dimmed">{policySentence(answer.policy)}</Text>
      {waiting !== null && <Text c="dimmed">{waiting}</Text>}
    </>
  );
}

function Fields({ projectId, answer }: { projectId: number; answer: TrainingPolicyAnswer }): ReactNode {
  const queryClient = useQueryClient();
  const draft = useDraft(answer.policy, answer.revision);
  // Beside the draft: the server keeps it and never shows it again.
  const [secret, setSecret] = useState("");
  const save = useMutation({
    mutationFn: ({ change }: { sent: TrainingPolicy; change: Partial<TrainingPolicy> }) =>
      changeTrainingPolicy(projectId, change, draft.revision),
    onSuccess: (changed, { sent, change }) => {
      draft.saved(sent, changed.policy, changed.revision);
      setSecret((now) => (now === change.hook_secret ? "" : now));
      queryClient.setQueryData(trainingPolicyQuery(projectId).queryKey, changed);
      notifications.show({ message: words.saved });
    },
    onError: () => queryClient.invalidateQueries({ queryKey: trainingPolicyKey(projectId) }),
  });
  const parts = { projectId, policy: draft.value, onChange: draft.change };
  /** The server keeps a secret with the address it is for. */
  const isSigned = secret !== "" && draft.value.hook_url !== null;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate({ sent: draft.value, change: { ...draft.changed, ...(isSigned && { hook_secret: secret }) } });
      }}
    >
      <Stack gap="lg">
        <WhenFields {...parts} />
        <HowFields {...parts} />
        <GateFields {...parts} />
        <HookFields {...parts} answer={answer} secret={secret} onSecret={setSecret} />
        <SaveBar
          label={words.save}
          isDirty={draft.isDirty || isSigned}
          isSaving={save.isPending}
          isOvertaken={draft.isOvertaken}
          refusal={save.error === null || hasCode(save.error, "policy_changed") ? null : messageOf(save.error)}
          onReset={(keepMine) => {
            if (!keepMine) setSecret("");
            draft.restart(keepMine);
          }}
        />
      </Stack>
    </form>
  );
}

interface PartProps {
  projectId: number;
  policy: TrainingPolicy;
  onChange: (part: Partial<TrainingPolicy>) => void;
}

function WhenFields({ projectId, policy, onChange }: PartProps): ReactNode {
  const { data: snapshots } = useQuery(snapshotsQuery(projectId));
  const isFixed = (snapshots?.items.length ?? 0) > 0;
  return (
    <FieldGroup title={words.when}>
      <NumberField
        label={words.newMasks}
        whenEmpty={words.notByCount}
        value={policy.every_masks}
        onChange={(every_masks) => onChange({ every_masks })}
        min={1}
        suffix={words.masks}
      />
      <NumberField
        label={words.schedule}
        whenEmpty={words.notByTime}
        value={policy.every_hours}
        onChange={(every_hours) => onChange({ every_hours })}
        min={0.1}
        decimals={1}
        suffix={words.hours}
      />
      <NumberField
        label={words.minMasks}
        value={policy.min_masks}
        onChange={(value) => value !== null && onChange({ min_masks: value })}
        min={1}
        suffix={words.masks}
      />
      <NumberField
        label={words.frozen}
        description={isFixed ? words.frozenFixed : words.frozenText}
        value={Number((100 * policy.frozen_share).toFixed(1))}
        onChange={(value) => value !== null && onChange({ frozen_share: value / 100 })}
        min={1}
        max={50}
        decimals={1}
        suffix="%"
        isDisabled={isFixed}
      />
      <Switch
        label={words.detector}
        description={words.detectorText}
        checked={policy.train_detector}
        onChange={(event) => onChange({ train_detector: event.currentTarget.checked })}
      />
    </FieldGroup>
  );
}

function HowFields({ policy, onChange }: PartProps): ReactNode {
  return (
    <FieldGroup title={words.how}>
      <Select
        label={words.tune}
        description={words.tuneText}
        inputWrapperOrder={FIELD_ORDER}
        data={TUNES}
        value={policy.tune}
        allowDeselect={false}
        onChange={(tune) => tune !== null && onChange({ tune: tune as TrainingPolicy["tune"] })}
      />
      <Select
        label={words.base}
        data={[
          { value: "live", label: words.baseLive },
          { value: "first", label: words.baseFirst },
        ]}
        value={policy.base}
        allowDeselect={false}
        onChange={(base) => base !== null && onChange({ base: base as TrainingPolicy["base"] })}
      />
      <NumberField label={words.steps} value={policy.steps} onChange={(value) => value !== null && onChange({ steps: value })} min={1} />
      <NumberField
        label={words.batch}
        value={policy.batch_size}
        onChange={(value) => value !== null && onChange({ batch_size: value })}
        min={1}
        max={256}
      />
      <NumberField
        label={words.rate}
        value={policy.rate}
        onChange={(value) => value !== null && onChange({ rate: value })}
        min={0}
        max={1}
        decimals={8}
      />
      <NumberField
        label={words.time}
        value={policy.max_minutes}
        onChange={(value) => value !== null && onChange({ max_minutes: value })}
        min={0.1}
        decimals={1}
        suffix={words.minutes}
      />
      <NumberField
        label={words.keepBase}
        description={words.keepBaseText}
        value={Math.round(policy.keep_base * 100)}
        onChange={(value) => value !== null && onChange({ keep_base: value / 100 })}
        min={0}
        max={100}
        suffix="%"
      />
      <Switch
        label={words.closer}
        description={words.closerText}
        checked={policy.closer}
        onChange={(event) => onChange({ closer: event.currentTarget.checked })}
      />
      <Switch
        label={words.augment}
        description={words.augmentText}
        checked={policy.augment}
        onChange={(event) => onChange({ augment: event.currentTarget.checked })}
      />
      <Switch
        label={words.automatic}
        description={words.automaticText}
        checked={policy.use_automatic}
        onChange={(event) => onChange({ use_automatic: event.currentTarget.checked })}
      />
    </FieldGroup>
  );
}

function GateFields({ policy, onChange }: PartProps): ReactNode {
  const change = (part: Partial<TrainingPolicy["gate"]>): void => onChange({ gate: { ...policy.gate, ...part } });
  return (
    <FieldGroup title={words.gate}>
      <Select
        label={words.measure}
        data={GATE_MEASURES}
        value={policy.gate.measure}
        allowDeselect={false}
        onChange={(measure) => measure !== null && change({ measure: measure as TrainingPolicy["gate"]["measure"] })}
      />
      <NumberField
        label={words.gain}
        description={words.gainText}
        value={policy.gate.min_gain}
        onChange={(value) => value !== null && change({ min_gain: value })}
        min={-20}
        max={20}
        decimals={3}
      />
      <NumberField
        label={words.loss}
        description={words.lossText}
        value={policy.gate.max_general_loss}
        onChange={(value) => value !== null && change({ max_general_loss: value })}
        min={0}
        max={1}
        decimals={3}
      />
      <Switch
        label={words.promote}
        description={words.promoteText}
        checked={policy.auto_promote}
        onChange={(event) => onChange({ auto_promote: event.currentTarget.checked })}
      />
    </FieldGroup>
  );
}

interface HookFieldsProps extends PartProps {
  answer: TrainingPolicyAnswer;
  secret: string;
  onSecret: (secret: string) => void;
}

function HookFields({ policy, onChange, answer, secret, onSecret }: HookFieldsProps): ReactNode {
  return (
    <FieldGroup title={words.elsewhere}>
      <TextInput
        label={words.hook}
        description={words.hookText}
        inputWrapperOrder={FIELD_ORDER}
        placeholder={words.here}
        type="url"
        value={policy.hook_url ?? ""}
        maxLength={2000}
        onChange={(event) => onChange({ hook_url: event.currentTarget.value.trim() === "" ? null : event.currentTarget.value.trim() })}
      />
      <PasswordInput
        label={words.secret}
        description={policy.hook_url === null ? words.secretOfAddress : answer.has_hook_secret ? words.hasSecret : words.noSecret}
        disabled={policy.hook_url === null}
        inputWrapperOrder={FIELD_ORDER}
        autoComplete="new-password"
        value={secret}
        maxLength={200}
        onChange={(event) => onSecret(event.currentTarget.value)}
      />
      {answer.is_hook_command_allowed && (
        <Switch
          label={words.command}
          checked={policy.hook_command}
          onChange={(event) => onChange({ hook_command: event.currentTarget.checked })}
        />
      )}
    </FieldGroup>
  );
}
