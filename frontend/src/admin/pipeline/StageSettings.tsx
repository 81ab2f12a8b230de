// The fields of a stage's policy, group by group.
import { Select, Switch } from "@mantine/core";
import type { ReactNode } from "react";
import type { ExitRule, ProposeOptions, QueueOrder, StagePolicy } from "../../api/stages";
import type { StageName } from "../../api/types";
import { FieldGroup } from "../../ui/FieldGroup";
import { NumberField } from "../../ui/NumberField";
import { words } from "../../words/stageSettings";

interface PartProps {
  policy: StagePolicy;
  onChange: (part: Partial<StagePolicy>) => void;
}

const ORDERS = (["oldest", "newest", "random", "uncertain"] as const satisfies readonly QueueOrder[]).map((value) => ({
  value,
  label: words.queue.orders[value],
}));

export function QueueSettings({ policy, onChange, stage }: PartProps & { stage: StageName }): ReactNode {
  // All that is added enters the first stage, and nothing is proposed there.
  const isFirst = stage === "assisted_manual";
  return (
    <FieldGroup title={words.queue.title}>
      <Select
        label={words.queue.order}
        data={isFirst ? ORDERS.filter(({ value }) => value !== "uncertain") : ORDERS}
        value={policy.queue_order}
        allowDeselect={false}
        onChange={(order) => order !== null && onChange({ queue_order: order as QueueOrder })}
      />
      <NumberField
        label={words.queue.hint}
        description={words.queue.hintText}
        value={policy.hint_seconds}
        onChange={(value) => value !== null && onChange({ hint_seconds: value })}
        min={0}
        max={86_400}
        suffix={words.queue.seconds}
      />
      {!isFirst && (
        <NumberField
          label={words.queue.budget}
          description={words.queue.budgetText}
          whenEmpty={words.queue.noLimit}
          value={policy.budget_images}
          onChange={(value) => onChange({ budget_images: value })}
          min={1}
          suffix={words.queue.images}
        />
      )}
      {stage === "fully_automatic" && (
        <NumberField
          label={words.queue.audited}
          description={words.queue.auditedText}
          value={100 * policy.review_share}
          onChange={(value) => value !== null && onChange({ review_share: value / 100 })}
          min={0}
          max={100}
          decimals={1}
          suffix="%"
        />
      )}
    </FieldGroup>
  );
}

export function ProposalSettings({ policy, onChange }: PartProps): ReactNode {
  const change = (part: Partial<ProposeOptions>): void => onChange({ propose: { ...policy.propose, ...part } });
  return (
    <FieldGroup title={words.proposals.title}>
      <Fraction label={words.proposals.score} value={policy.propose.min_score} onChange={(min_score) => change({ min_score })} />
      <Fraction
        label={words.proposals.predictedIou}
        value={policy.propose.min_predicted_iou}
        onChange={(min_predicted_iou) => change({ min_predicted_iou })}
      />
      <Fraction
        label={words.proposals.overlap}
        value={policy.propose.mask_nms_thresh}
        onChange={(mask_nms_thresh) => change({ mask_nms_thresh })}
      />
      <NumberField
        label={words.proposals.perImage}
        value={policy.propose.max_proposals}
        onChange={(value) => value !== null && change({ max_proposals: value })}
        min={1}
        max={1000}
        suffix={words.proposals.atMost}
      />
      <Switch
        label={words.proposals.closer}
        description={words.proposals.closerText}
        checked={policy.propose.closer}
        onChange={(event) => change({ closer: event.currentTarget.checked })}
      />
    </FieldGroup>
  );
}

export function ExitSettings({ policy, onChange, stage }: PartProps & { stage: StageName }): ReactNode {
  const change = (part: Partial<ExitRule>): void => onChange({ exit: { ...policy.exit, ...part } });
  if (stage === "fully_automatic") {
    return (
      <FieldGroup title={words.exit.trusted}>
        <NumberField
          label={words.exit.audited}
          value={policy.exit.audit_min_masks}
          onChange={(value) => value !== null && change({ audit_min_masks: value })}
          min={1}
        />
        <Fraction
          label={words.exit.share75}
          value={policy.exit.audit_min_share_75}
          onChange={(audit_min_share_75) => change({ audit_min_share_75 })}
        />
        <Fraction
          label={words.exit.share90}
          value={policy.exit.audit_min_share_90}
          onChange={(audit_min_share_90) => change({ audit_min_share_90 })}
        />
      </FieldGroup>
    );
  }
  return (
    <FieldGroup title={words.exit.goesOn}>
      <NumberField label={words.exit.masks} whenEmpty={words.exit.anyNumber} value={policy.exit.min_masks} onChange={(min_masks) => change({ min_masks })} min={1} />
      <NumberField
        label={words.exit.finished}
        whenEmpty={words.exit.anyNumber}
        value={policy.exit.min_images}
        onChange={(min_images) => change({ min_images })}
        min={1}
      />
      <NumberField
        label={words.exit.secondsPerMask}
        whenEmpty={words.exit.anyTime}
        value={policy.exit.max_seconds_per_mask}
        onChange={(max_seconds_per_mask) => change({ max_seconds_per_mask })}
        min={0.1}
        decimals={1}
        suffix={words.exit.seconds}
      />
      <NumberField
        label={words.exit.batch}
        description={words.exit.batchText}
        value={policy.exit.batch}
        onChange={(value) => value !== null && change({ batch: value })}
        min={1}
      />
      <Switch
        label={words.exit.automatic}
        description={words.exit.automaticText}
        checked={policy.exit.is_automatic}
        onChange={(event) => change({ is_automatic: event.currentTarget.checked })}
      />
    </FieldGroup>
  );
}

const FRACTION = { min: 0, max: 1, step: 0.01, decimals: 3 };

interface FractionProps {
  label: string;
  description?: string;
  value: number;
  onChange: (value: number) => void;
}

function Fraction({ onChange, ...shared }: FractionProps): ReactNode {
  return <NumberField {...shared} onChange={(value) => value !== null && onChange(value)} {...FRACTION} />;
}
