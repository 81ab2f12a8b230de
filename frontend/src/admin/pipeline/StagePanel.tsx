// The settings of one stage; those of the automatic stage beside masks that show what its thresholds do.
import { Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { hasCode, messageOf } from "../../api/errors";
import { canManage } from "../../api/roles";
import { type AutomaticPreset, changeStage, type Stage, type StageList, type StagePolicy, stagesKey, stagesQuery } from "../../api/stages";
import type { Project } from "../../api/types";
import { SaveBar } from "../../ui/SaveBar";
import { STAGE_WORDS } from "../../ui/stageWords";
import { useDraft } from "../../ui/useDraft";
import { words } from "../../words/stageSettings";
import { AutomaticPreview } from "./AutomaticPreview";
import { AutomaticSettings } from "./AutomaticSettings";
import { ProposalFigures } from "./ProposalFigures";
import { ExitSettings, ProposalSettings, QueueSettings } from "./StageSettings";

const withStage = (known: StageList, changed: Stage): StageList => ({
  ...known,
  stages: known.stages.map((stage) => (stage.stage === changed.stage ? changed : stage)),
});

interface StagePanelProps {
  project: Project;
  stage: Stage;
  presets: readonly AutomaticPreset[];
}

export function StagePanel({ project, stage, presets }: StagePanelProps): ReactNode {
  const queryClient = useQueryClient();
  const draft = useDraft(stage.policy, stage.revision);
  const isReadOnly = !canManage(project);
  const { name } = STAGE_WORDS[stage.stage];
  const save = useMutation({
    mutationFn: ({ change }: { sent: StagePolicy; change: Partial<StagePolicy> }) =>
      changeStage(project.id, stage.stage, change, draft.revision),
    onSuccess: (changed, { sent }) => {
      draft.saved(sent, changed.policy, changed.revision);
      queryClient.setQueryData(stagesQuery(project.id).queryKey, (known) => known && withStage(known, changed));
      notifications.show({ message: words.saved(name) });
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: stagesKey(project.id) }),
  });
  const isConflict = hasCode(save.error, "policy_changed");
  const parts = { policy: draft.value, onChange: draft.change };
  return (
    <Stack component="section" aria-labelledby="stage-settings" id="stage-panel" gap="lg">
      <div>
        <Title order={2} id="stage-settings">
          {words.title(name)}
        </Title>
        {isReadOnly && <Text c="dimmed">{words.readOnly}</Text>}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate({ sent: draft.value, change: draft.changed });
        }}
      >
        <Stack gap="lg">
          <fieldset className="field-group" disabled={isReadOnly} aria-label={words.fields}>
            <Stack gap="lg">
              <QueueSettings {...parts} stage={stage.stage} />
              {stage.stage === "semi_automatic" && <ProposalSettings {...parts} />}
              {stage.stage === "fully_automatic" && <AutomaticSettings {...parts} presets={presets} />}
              <ExitSettings {...parts} stage={stage.stage} />
            </Stack>
          </fieldset>
          {!isReadOnly && (
            <SaveBar
              label={words.save}
              isDirty={draft.isDirty}
              isSaving={save.isPending}
              isOvertaken={draft.isOvertaken}
              refusal={save.error === null || isConflict ? null : messageOf(save.error)}
              onReset={draft.restart}
            />
          )}
        </Stack>
      </form>
      {stage.stage === "semi_automatic" && (
        <ProposalFigures
          projectId={project.id}
          minScore={draft.value.propose.min_score}
          onUse={isReadOnly ? null : (min_score) => draft.change({ propose: { ...draft.value.propose, min_score } })}
        />
      )}
      {stage.stage === "fully_automatic" && !isReadOnly && (
        <AutomaticPreview
          projectId={project.id}
          options={draft.value.automatic}
          onChange={(part) => draft.change({ automatic: { ...draft.value.automatic, ...part } })}
        />
      )}
    </Stack>
  );
}
