// Exports: ask for one, watch it, take it away with everything needed to load it.
import { Alert, Button, Checkbox, Group, Paper, Radio, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { createExport, exportsKey, exportsQuery } from "../../api/jobs";
import { projectQuery } from "../../api/projects";
import type { ExportFormat } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { MoreButton } from "../../ui/MoreButton";
import { SkeletonRows } from "../../ui/SkeletonRows";
import { words } from "../../words/exporting";
import { ExportCard } from "./ExportCard";

const route = getRouteApi("/signed-in/shell/projects/$projectId/exports");

const FORMATS: readonly ExportFormat[] = ["coco", "sa1b"];

export function ExportsPage(): ReactNode {
  const { projectId } = route.useParams();
  const exports = useInfiniteQuery(exportsQuery(projectId));
  const items = exports.data?.pages.flatMap((page) => page.items);
  return (
    <Stack className="page" gap="xl">
      <NewExport projectId={projectId} />
      <Stack component="section" aria-labelledby="exports" gap="md">
        <Title order={2} id="exports">
          {words.title}
        </Title>
        {exports.isPending && <SkeletonRows rows={2} height={96} />}
        {exports.error !== null && (
          <ErrorPanel
            title={words.notRead}
            message={messageOf(exports.error)}
            safe={words.safe}
            onRetry={() => void exports.refetch()}
          />
        )}
        {items?.length === 0 && (
          <EmptyState title={words.none}>
            {words.noneText}
          </EmptyState>
        )}
        {items?.map((item) => (
          <ExportCard key={item.id} item={item} readAt={exports.dataUpdatedAt} />
        ))}
        <MoreButton list={exports}>{words.older}</MoreButton>
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
          {words.make}
        </Title>
        <Radio.Group label={words.format} value={format} onChange={(value) => setFormat(value === "sa1b" ? "sa1b" : "coco")}>
          <Stack gap="xs" mt="xs">
            {FORMATS.map((value) => (
              <Radio key={value} value={value} {...words.formats[value]} />
            ))}
          </Stack>
        </Radio.Group>
        <Checkbox
          label={words.withPhotos}
          description={words.withPhotosText}
          checked={withImages}
          onChange={(event) => setWithImages(event.currentTarget.checked)}
        />
        {start.error !== null && (
          <ErrorPanel title={words.notStarted} message={messageOf(start.error)} safe={words.nothingChanged} />
        )}
        <Group gap="md">
          <Button loading={start.isPending} disabled={images === 0} onClick={() => start.mutate()}>
            {words.start}
          </Button>
          <Text c="dimmed" size="sm" className="tabular">
            {images === 0 ? words.noImages : words.asOfNow(masks, images)}
          </Text>
        </Group>
        {images > 0 && masks === 0 && (
          <Alert variant="default" p="xs">
            {words.noMasks}
          </Alert>
        )}
      </Stack>
    </Paper>
  );
}
