// Makes a version live, or the one before it again: by a person's word, with a reason that is kept.
import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { projectKey } from "../../api/projects";
import { stagesKey } from "../../api/stages";
import { statisticsKey } from "../../api/statistics";
import { promote, promotionsKey, rollBack, type RunKind, runsKey } from "../../api/training";
import { words } from "../../words/models";
import { KIND_WORDS } from "./runWords";

export interface Step {
  kind: RunKind;
  action: "promote" | "roll back";
  from: string | null;
  /** null: whatever was live before. */
  to: string | null;
  /** There was none before. */
  leavesNone?: boolean;
  /** What the gate said against it, if it did. */
  warning?: string | null;
  /** That it was compared with a version that is not live any more. */
  outdated?: string | null;
}

interface ReasonDialogProps {
  projectId: number;
  step: Step | null;
  onClose: () => void;
}

export function ReasonDialog({ projectId, step, onClose }: ReasonDialogProps): ReactNode {
  const title = step === null ? "" : words.reason.title(step.action === "promote", KIND_WORDS[step.kind].name);
  return (
    <Modal opened={step !== null} onClose={onClose} title={title}>
      {step !== null && <ReasonForm projectId={projectId} step={step} onClose={onClose} />}
    </Modal>
  );
}

function ReasonForm({ projectId, step, onClose }: { projectId: number; step: Step; onClose: () => void }): ReactNode {
  const queryClient = useQueryClient();
  const isPromotion = step.action === "promote";
  const [reason, setReason] = useState(isPromotion ? "" : words.reason.backFrom(step.from));
  const act = useMutation({
    mutationFn: () => {
      const wanted = { project_id: projectId, kind: step.kind, reason: reason.trim() };
      return isPromotion && step.to !== null ? promote(step.to, wanted) : rollBack(projectId, step.kind, reason.trim());
    },
    onSuccess: ({ to_version }) => {
      notifications.show({ message: step.kind === "detector" && to_version === null ? words.reason.noDetector : words.reason.done(to_version) });
      onClose();
      for (const key of [stagesKey, runsKey, promotionsKey, statisticsKey, projectKey]) {
        void queryClient.invalidateQueries({ queryKey: key(projectId) });
      }
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        act.mutate();
      }}
    >
      <Stack>
        <Text>{step.leavesNone === true ? words.reason.leavesNone(step.from) : words.reason.effect(step.to, step.from)}</Text>
        {typeof step.warning === "string" && (
          <Text className="verdict" data-tone="look">
            {words.reason.refused(step.warning)}
          </Text>
        )}
        {typeof step.outdated === "string" && (
          <Text className="verdict" data-tone="look">
            {step.outdated}
          </Text>
        )}
        <TextInput
          label={words.reason.label}
          description={words.reason.kept}
          required
          data-autofocus
          maxLength={2000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={act.error === null ? null : messageOf(act.error)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button type="submit" loading={act.isPending} disabled={reason.trim() === ""}>
            {isPromotion ? words.reason.promote : words.reason.rollBack}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
