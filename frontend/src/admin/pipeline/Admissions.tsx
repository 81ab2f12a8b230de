// Who moved which images where and why; a move can be taken back while its images wait untouched.
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
import { count, moment, plural } from "../../ui/format";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { stageName } from "../../ui/stageWords";
import { WideTable } from "../../ui/WideTable";
import { ruleWords } from "./stageFigures";

export function Admissions({ project }: { project: Project }): ReactNode {
  const admissions = useQuery(admissionsQuery(project.id));
  const [reverting, setReverting] = useState<Admission | null>(null);
  if (admissions.isPending) return <SkeletonRows rows={2} height={44} />;
  if (admissions.error !== null) {
    return (
      <ErrorPanel title="Admissions could not be read" message={messageOf(admissions.error)} onRetry={() => void admissions.refetch()} />
    );
  }
  const { items } = admissions.data;
  if (items.length === 0) {
    return <Text c="dimmed">No image has been moved yet. Each move is listed here with its reason, and can be taken back.</Text>;
  }
  return (
    <>
      <WideTable label="Admissions" minWidth={720}>
        <Table verticalSpacing={6} className="tabular">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>When</Table.Th>
              <Table.Th>To</Table.Th>
              <Table.Th ta="right">Images</Table.Th>
              <Table.Th>Which and why</Table.Th>
              <Table.Th>By</Table.Th>
              <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
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
                  {item.reason || "No reason given"}
                  <Text size="sm" c="dimmed">
                    {ruleWords(item.rule)}
                  </Text>
                </Table.Td>
                <Table.Td>{item.author?.name ?? "The stage's rule"}</Table.Td>
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

function Fate({ admission, mayRevert, onRevert }: { admission: Admission; mayRevert: boolean; onRevert: () => void }): ReactNode {
  if (admission.reverted_at !== null) {
    return (
      <Text size="sm" c="dimmed">
        Taken back, {count(admission.reverted_count ?? 0)} of {count(admission.image_count)} went
      </Text>
    );
  }
  if (!mayRevert) return null;
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      onClick={onRevert}
      aria-label={`Take back the admission of ${moment(admission.created_at)} to ${stageName(admission.to_stage)}`}
    >
      Take back
    </Button>
  );
}

interface RevertDialogProps {
  projectId: number;
  admission: Admission | null;
  onClose: () => void;
}

function RevertDialog({ projectId, admission, onClose }: RevertDialogProps): ReactNode {
  return (
    <Modal opened={admission !== null} onClose={onClose} title="Take the admission back">
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
      const rest = stay > 0 ? `; ${count(stay)} had been worked on and stay` : "";
      notifications.show({ message: `${plural(reverted, "image")} went back${rest}` });
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
          Of the {plural(admission.image_count, "image")} those go back that nobody has worked on since; their proposals are
          removed. All others stay where they are, with their masks.
        </Text>
        <TextInput
          label="Reason"
          required
          data-autofocus
          maxLength={1000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={revert.error === null ? null : messageOf(revert.error)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={revert.isPending} disabled={reason.trim() === ""}>
            Take back
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
