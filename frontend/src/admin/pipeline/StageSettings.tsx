// The fields of a stage's policy, group by group.
import { Select, Switch } from "@mantine/core";
import type { ReactNode } from "react";
import type { AutomaticOptions, ExitRule, ProposeOptions, QueueOrder, StagePolicy } from "../../api/stages";
import type { StageName } from "../../api/types";
import { FieldGroup } from "../../ui/FieldGroup";
import { NumberField } from "../../ui/NumberField";

interface PartProps {
  policy: StagePolicy;
  onChange: (part: Partial<StagePolicy>) => void;
}

const ORDERS: readonly { value: QueueOrder; label: string }[] = [
  { value: "oldest", label: "Oldest first" },
  { value: "newest", label: "Newest first" },
  { value: "random", label: "Random" },
  { value: "uncertain", label: "Least certain first" },
];

export function QueueSettings({ policy, onChange, stage }: PartProps & { stage: StageName }): ReactNode {
  return (
    <FieldGroup title="Queue">
      <Select
        label="Order"
        data={ORDERS}
        value={policy.queue_order}
        allowDeselect={false}
        onChange={(order) => order !== null && onChange({ queue_order: order as QueueOrder })}
      />
      <NumberField
        label="Hint to move on after"
        description="Seconds on one mask; a hint, never a stop."
        value={policy.hint_seconds}
        onChange={(value) => value !== null && onChange({ hint_seconds: value })}
        min={0}
        max={86_400}
        suffix="s"
      />
      <NumberField
        label="Budget"
        description="No more images than this get into the stage."
        whenEmpty="No limit"
        value={policy.budget_images}
        onChange={(value) => onChange({ budget_images: value })}
        min={1}
        suffix="images"
      />
      {stage === "fully_automatic" && (
        <NumberField
          label="Audited share"
          description="Of the automatic images, drawn at random."
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
    <FieldGroup title="Which proposals are shown">
      <Fraction label="Detector score above" value={policy.propose.min_score} onChange={(min_score) => change({ min_score })} />
      <Fraction
        label="Predicted IoU above"
        value={policy.propose.min_predicted_iou}
        onChange={(min_predicted_iou) => change({ min_predicted_iou })}
      />
      <Fraction
        label="Overlap of duplicates"
        value={policy.propose.mask_nms_thresh}
        onChange={(mask_nms_thresh) => change({ mask_nms_thresh })}
      />
      <NumberField
        label="Proposals per image"
        value={policy.propose.max_proposals}
        onChange={(value) => value !== null && change({ max_proposals: value })}
        min={1}
        max={1000}
        suffix="at most"
      />
    </FieldGroup>
  );
}

export function AutomaticSettings({ policy, onChange }: PartProps): ReactNode {
  const { automatic } = policy;
  const change = (part: Partial<AutomaticOptions>): void => onChange({ automatic: { ...automatic, ...part } });
  return (
    <FieldGroup title="Automatic masks">
      <Fraction label="Predicted IoU above" value={automatic.pred_iou_thresh} onChange={(pred_iou_thresh) => change({ pred_iou_thresh })} />
      <Fraction
        label="Stability from"
        value={automatic.stability_score_thresh}
        onChange={(stability_score_thresh) => change({ stability_score_thresh })}
      />
      <NumberField
        label="Points per side"
        description="32 asks at 32 x 32 places."
        value={automatic.points_per_side}
        onChange={(value) => value !== null && change({ points_per_side: value })}
        min={1}
        max={128}
      />
      <NumberField
        label="Crop layers"
        description="Each looks closer; more time, more small masks."
        value={automatic.crop_n_layers}
        onChange={(value) => value !== null && change({ crop_n_layers: value })}
        min={0}
        max={3}
      />
      <NumberField
        label="Smallest part"
        description="Smaller specks and holes are removed."
        value={automatic.min_mask_region_area}
        onChange={(value) => value !== null && change({ min_mask_region_area: value })}
        min={0}
        suffix="pixels"
      />
      <Fraction label="Box overlap of duplicates" value={automatic.box_nms_thresh} onChange={(box_nms_thresh) => change({ box_nms_thresh })} />
      <Fraction
        label="Overlap with people's masks"
        description="Automatic masks above it are left out."
        value={policy.human_overlap_iou}
        onChange={(human_overlap_iou) => onChange({ human_overlap_iou })}
      />
    </FieldGroup>
  );
}

export function ExitSettings({ policy, onChange, stage }: PartProps & { stage: StageName }): ReactNode {
  const change = (part: Partial<ExitRule>): void => onChange({ exit: { ...policy.exit, ...part } });
  if (stage === "fully_automatic") {
    return (
      <FieldGroup title="Trusted when">
        <NumberField
          label="Audited masks"
          value={policy.exit.audit_min_masks}
          onChange={(value) => value !== null && change({ audit_min_masks: value })}
          min={1}
        />
        <Fraction
          label="Share above IoU 0.75"
          value={policy.exit.audit_min_share_75}
          onChange={(audit_min_share_75) => change({ audit_min_share_75 })}
        />
        <Fraction
          label="Share above IoU 0.90"
          value={policy.exit.audit_min_share_90}
          onChange={(audit_min_share_90) => change({ audit_min_share_90 })}
        />
      </FieldGroup>
    );
  }
  return (
    <FieldGroup title="Images go on when there are">
      <NumberField label="Masks" whenEmpty="Any number" value={policy.exit.min_masks} onChange={(min_masks) => change({ min_masks })} min={1} />
      <NumberField
        label="Finished images"
        whenEmpty="Any number"
        value={policy.exit.min_images}
        onChange={(min_images) => change({ min_images })}
        min={1}
      />
      <NumberField
        label="Seconds per mask, or less"
        whenEmpty="Any time"
        value={policy.exit.max_seconds_per_mask}
        onChange={(max_seconds_per_mask) => change({ max_seconds_per_mask })}
        min={0.1}
        decimals={1}
        suffix="s"
      />
      <NumberField
        label="Images at a time"
        description="How many go on when the rule moves them."
        value={policy.exit.batch}
        onChange={(value) => value !== null && change({ batch: value })}
        min={1}
      />
      <Switch
        label="Move images on by itself"
        description="Without it an admin admits them."
        checked={policy.exit.is_automatic}
        onChange={(event) => change({ is_automatic: event.currentTarget.checked })}
      />
    </FieldGroup>
  );
}

interface FractionProps {
  label: string;
  description?: string;
  value: number;
  onChange: (value: number) => void;
}

function Fraction({ onChange, ...shared }: FractionProps): ReactNode {
  return <NumberField {...shared} onChange={(value) => value !== null && onChange(value)} min={0} max={1} step={0.01} decimals={3} />;
}
