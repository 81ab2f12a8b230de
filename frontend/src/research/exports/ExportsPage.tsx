// Exports: ask for one, watch it, take it away with everything needed to load it.
import { Alert, Button, Checkbox, Group, Paper, Radio, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { createExport, exportsKey, exportsQuery } from "../../api/jobs";
import { projectQuery } from "../../api/projects";
import type { ExportFormat } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { plural } from "../../ui/format";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { ExportCard } from "./ExportCard";

const route = getRouteApi("/signed-in/shell/projects/$projectId/exports");

const FORMATS: readonly { value: ExportFormat; label: string; description: string }[] = [
  {
    value: "coco",
    label: "COCO",
    description: "One annotations.json with compressed run-length masks. pycocotools and most training code load it.",
  },
  {
    value: "sa1b",
    label: "SA-1B",
    description: "One json per image beside its photo, with the fields of the SA-1B dataset.",
  },
];

export function ExportsPage(): ReactNode {
  const { projectId } = route.useParams();
  const exports = useQuery(exportsQuery(projectId));
  return (
    <Stack className="page" gap="xl">
      <NewExport projectId={projectId} />
      <Stack component="section" aria-labelledby="exports" gap="md">
        <Title order={2} id="exports">
          Exports
        </Title>
        {exports.isPending && <SkeletonRows rows={2} height={96} />}
        {exports.error !== null && (
          <ErrorPanel
            title="Exports could not be read"
            message={messageOf(exports.error)}
            safe="Finished exports stay on the server."
            onRetry={() => void exports.refetch()}
          />
        )}
        {exports.data?.items.length === 0 && (
          <EmptyState title="Nothing exported yet">
            An export is a .zip with the masks, the photos if you want them, and a manifest of checksums.
          </EmptyState>
        )}
        {exports.data?.items.map((item) => (
          <ExportCard key={item.id} item={item} readAt={exports.dataUpdatedAt} />
        ))}
      </Stack>
    </Stack>
  );
}

function NewExport({ projectId }: { projectId: number }): ReactNode {
  const queryClient = useQueryClient();
  const { data: project } = useQuery(projectQuery(projectId));
  const [format, setFormat] = useState<ExportFormat>("coco");
  const [withImages, setWithImages] = useState(true);
  const start = useMutation({
    mutationFn: () => createExport(projectId, { format, include_images: withImages }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: exportsKey(projectId) }),
  });
  const images = project?.image_count ?? 0;
  const masks = project?.annotation_count ?? 0;
  return (
    <Paper component="section" withBorder p="lg" aria-labelledby="new-export">
      <Stack gap="md">
        <Title order={2} id="new-export">
          Export the dataset
        </Title>
        <Radio.Group label="Format" value={format} onChange={(value) => setFormat(value === "sa1b" ? "sa1b" : "coco")}>
          <Stack gap="xs" mt="xs">
            {FORMATS.map((choice) => (
              <Radio key={choice.value} {...choice} />
            ))}
          </Stack>
        </Radio.Group>
        <Checkbox
          label="Include the photos"
          description="Original bytes. Without them the export holds masks and file names only."
          checked={withImages}
          onChange={(event) => setWithImages(event.currentTarget.checked)}
        />
        {start.error !== null && (
          <ErrorPanel title="The export was not started" message={messageOf(start.error)} safe="Nothing was changed." />
        )}
        <Group gap="md">
          <Button loading={start.isPending} disabled={images === 0} onClick={() => start.mutate()}>
            Export dataset
          </Button>
          <Text c="dimmed" size="sm" className="tabular">
            {images === 0 ? "There are no images to export yet." : `${plural(masks, "mask")} on ${plural(images, "image")} as of now`}
          </Text>
        </Group>
        {images > 0 && masks === 0 && (
          <Alert variant="default" p="xs">
            No mask has been kept yet: the export will list the images without any.
          </Alert>
        )}
      </Stack>
    </Paper>
  );
}
