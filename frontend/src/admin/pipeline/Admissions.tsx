// Who moved which images where and why; a move can be taken back for the images that no person has worked on.
import { Button, Group, Modal, Stack, Table, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { imagesKey } from "../../api/images";
import { canManage } from "../../api/roles";
import { type Admission, admissionsKey, admissionsQuery, revertAdmission, stagesKey } from "../../api/stages";
import type { Project } from "../../api/types";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { count, moment } from "../../ui/format";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { STAGE_ORDER, stageName } from "../../ui/stageWords";
import { WideTable } from "../../ui/WideTable";
import { words } from "../../words/pipeline";
import { ruleWords } from "./stageFigures";

export function Admissions({ project }: { project: Project }): ReactNode {
  const admissions = useQuery(admissionsQuery(project.id));
  const [reverting, setReverting] = useState<Admission | null>(null);
  if (admissions.isPending) return <SkeletonRows rows={2} height={44} />;
  if (admissions.error !== null) {
    return (
      <ErrorPanel title={words.admissions.notRead} message={messageOf(admissions.error)} onRetry={() => void admissions.refetch()} />
    );
  }
  const { items } = admissions.data;
  if (items.length === 0) {
    return <Text c="dimmed">{words.admissions.none}</Text>;
  }
  return (
    <>
      <WideTable label={words.admissions.title} minWidth={720}>
        <Table verticalSpacing={6} className="tabular">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{words.admissions.when}</Table.Th>
              <Table.Th>{words.admissions.to}</Table.Th>
              <Table.Th ta="right">{words.admissions.images}</Table.Th>
              <Table.Th>{words.admissions.why}</Table.Th>
              <Table.Th>{words.admissions.by}</Table.Th>
              <Table.Th>
                <VisuallyHidden>{words.admissions.actions}</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((item) => (
              <Table.Tr key={item.id} data-admission={item.id}>
                <Table.Td style={{ whiteSpace: "nowrap" }}>{moment(item.created_at)}</Table.Td>
                <Table.Td>{stageName(item.to_stage)}</Table.Td>
                <Table.Td ta="right">{count(item.image_count)}</Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }}>
                  {whyOf(item)}
                  <Text size="sm" c="dimmed">
                    {ruleWords(item.rule)}
                  </Text>
                </Table.Td>
                <Table.Td>{item.author?.name ?? words.admissions.byRule}</Table.Td>
                <Table.Td ta="right">
                  <Fate admission={item} mayRevert={canManage(project)} onRevert={() => setReverting(item)} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </WideTable>
      <RevertDialog projectId={project.id} admission={reverting} onClose={() => setReverting(null)} />
    </>
  );
}

/** Of those that the rule made the server's words are English, and there is one reason. */
function whyOf({ author, reason, to_stage }: Admission): string {
  const from = STAGE_ORDER[STAGE_ORDER.indexOf(to_stage) - 1];
  return author === null && from !== undefined ? words.admissions.ruleIsMet(stageName(from)) : reason || words.admissions.noReason;
}

function Fate({ admission, mayRevert, onRevert }: { admission: Admission; mayRevert: boolean; onRevert: () => void }): ReactNode {
  const went = admission.reverted_count ?? 0;
  return (
    <>
      {admission.reverted_at !== null && (
        <Text size="sm" c="dimmed">
          {words.admissions.takenBack(went, admission.image_count)}
        </Text>
      )}
      {mayRevert && went < admission.image_count && (
        <Button
          size="compact-sm"
          variant="subtle"
          onClick={onRevert}
          aria-label={words.admissions.takeBackOf(moment(admission.created_at), stageName(admission.to_stage))}
        >
          {words.admissions.takeBack}
        </Button>
      )}
    </>
  );
}

interface RevertDialogProps {
  projectId: number;
  admission: Admission | null;
  onClose: () => void;
}

function RevertDialog({ projectId, admission, onClose }: RevertDialogProps): ReactNode {
  return (
    <Modal opened={admission !== null} onClose={onClose} title={words.admissions.takeBackTitle}>
      {admission !== null && <RevertForm projectId={projectId} admission={admission} onClose={onClose} />}
    </Modal>
  );
}

function RevertForm({ projectId, admission, onClose }: { projectId: number; admission: Admission; onClose: () => void }): ReactNode {
  const queryClient = useQueryClient();
  const [reason, setReason] = useState("");
  const revert = useMutation({
    mutationFn: () => revertAdmission(projectId, admission.id, reason.trim()),
    onSuccess: ({ reverted, stay }) => {
      notifications.show({ message: words.admissions.wentBack(reverted, stay) });
      onClose();
      for (const queryKey of [stagesKey(projectId), admissionsKey(projectId), imagesKey(projectId)]) {
        void queryClient.invalidateQueries({ queryKey });
      }
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        revert.mutate();
      }}
    >
      <Stack>
        <Text c="dimmed" className="tabular">
          {words.admissions.takeBackText(admission.image_count)}
        </Text>
        <TextInput
          label={words.reason}
          required
          data-autofocus
          maxLength={1000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={revert.error === null ? null : messageOf(revert.error)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {words.cancel}
          </Button>
          <Button type="submit" loading={revert.isPending} disabled={reason.trim() === ""}>
            {words.admissions.takeBack}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
