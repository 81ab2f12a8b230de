// What the thresholds of the automatic stage keep on one image. The masks come once, with loose thresholds; the sliders
// filter them here, at once. The count may differ a little from the server's, which drops duplicates after filtering.
import { Button, Slider, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { messageOf } from "../../api/errors";
import { firstImagesQuery, thumbnailUrl } from "../../api/images";
import { projectKey } from "../../api/projects";
import { type AutomaticMask, type AutomaticOptions, type AutomaticThresholds, previewAutomatic } from "../../api/stages";
import type { Image } from "../../api/types";
import { Delayed } from "../../ui/Delayed";
import { ErrorPanel } from "../../ui/ErrorPanel";
import { count } from "../../ui/format";
import { words } from "../../words/pipeline";
import { pointCount } from "./automaticFields";
import { MaskPicture } from "./MaskPicture";

const IMAGES = 12;
/** Models differ in how sure they are of themselves, so nothing is filtered; but no more than can be looked at. */
const LOOSE = { pred_iou_thresh: 0, stability_score_thresh: 0, max_masks: 400 };

interface AutomaticPreviewProps {
  projectId: number;
  options: AutomaticOptions;
  onChange: (part: Partial<AutomaticOptions>) => void;
}

export function AutomaticPreview({ projectId, options, onChange }: AutomaticPreviewProps): ReactNode {
  const images = useQuery(firstImagesQuery(projectId, IMAGES));
  const [chosen, setChosen] = useState<number | null>(null);
  const image = images.data?.items.find(({ id }) => id === chosen) ?? null;
  return (
    <Stack component="section" aria-labelledby="preview" gap="sm">
      <div>
        <Title order={3} id="preview">
          {words.preview.title}
        </Title>
        <Text c="dimmed" size="sm">
          {words.preview.text}
        </Text>
      </div>
      <div className="preview-choice" role="group" aria-label={words.preview.choose}>
        {images.data?.items.map(({ id, file_name }) => (
          <button key={id} type="button" aria-pressed={id === chosen} title={file_name} onClick={() => setChosen(id)}>
            <img src={thumbnailUrl(id)} alt={file_name} loading="lazy" />
          </button>
        ))}
      </div>
      {image !== null && <Preview key={image.id} image={image} options={options} onChange={onChange} />}
    </Stack>
  );
}

/** The options to ask with: those of the stage, but for the thresholds, which filter here. */
const askedWith = (options: AutomaticOptions): AutomaticOptions => ({ ...options, ...LOOSE });

type Thresholds = Pick<AutomaticThresholds, "pred_iou_thresh" | "stability_score_thresh">;

/** What the options leave open is the model's own. */
const thresholdsOf = ({ pred_iou_thresh, stability_score_thresh }: AutomaticOptions, own: Thresholds): Thresholds => ({
  pred_iou_thresh: pred_iou_thresh ?? own.pred_iou_thresh,
  stability_score_thresh: stability_score_thresh ?? own.stability_score_thresh,
});

/** The masks come by predicted IoU, the highest first: of more than `mostMasks` the first stay. */
function kept(
  masks: readonly AutomaticMask[],
  { pred_iou_thresh, stability_score_thresh }: Thresholds,
  mostMasks: number | null | undefined,
): Set<number> {
  const indices = masks.flatMap((mask, index) =>
    mask.predicted_iou > pred_iou_thresh && mask.stability_score >= stability_score_thresh ? [index] : [],
  );
  return new Set(indices.slice(0, mostMasks ?? indices.length));
}

const best = (masks: readonly AutomaticMask[], score: "predicted_iou" | "stability_score"): string =>
  Math.max(...masks.map((mask) => mask[score])).toFixed(2);

interface PreviewProps {
  image: Image;
  options: AutomaticOptions;
  onChange: (part: Partial<AutomaticOptions>) => void;
}

function Preview({ image, options, onChange }: PreviewProps): ReactNode {
  // Asked again only by hand when the grid changes: each asking costs seconds of the model server.
  const wanted = askedWith(options);
  const [asked, setAsked] = useState(wanted);
  const answer = useQuery({
    queryKey: [...projectKey(image.project_id), "automatic", image.id, asked],
    queryFn: ({ signal }) => previewAutomatic(image.id, asked, signal),
    staleTime: Infinity,
    gcTime: 60_000,
    refetchOnWindowFocus: false,
  });
  const masks = answer.data?.masks ?? [];
  const thresholds = answer.data === undefined ? null : thresholdsOf(options, answer.data.model_thresholds);
  const shown = thresholds === null ? new Set<number>() : kept(masks, thresholds, options.max_masks);
  const isOutdated = JSON.stringify(wanted) !== JSON.stringify(asked);
  return (
    <div className="preview-layout" data-preview={answer.data === undefined ? "asking" : "ready"}>
      <MaskPicture image={image} masks={masks} shown={shown} />
      <Stack gap="lg">
        <div aria-live="polite" className="tabular">
          {answer.isPending && (
            <Delayed>
              <Text>{words.preview.looking(pointCount(asked))}</Text>
            </Delayed>
          )}
          {answer.data !== undefined && (
            <Text data-kept={shown.size}>
              <Text span fz={24} fw={600}>
                {count(shown.size)}
              </Text>{" "}
              {words.preview.ofKept(masks.length)}
            </Text>
          )}
          {masks.length > 0 && shown.size === 0 && (
            <Text size="sm" c="dimmed">
              {words.preview.best(best(masks, "predicted_iou"), best(masks, "stability_score"))}
            </Text>
          )}
        </div>
        {answer.error !== null && (
          <ErrorPanel title={words.preview.none} message={messageOf(answer.error)} onRetry={() => void answer.refetch()} />
        )}
        {thresholds !== null && (
          <>
            <Threshold
              label={words.audit.predictedIou}
              value={thresholds.pred_iou_thresh}
              onChange={(pred_iou_thresh) => onChange({ pred_iou_thresh })}
            />
            <Threshold
              label={words.audit.stability}
              value={thresholds.stability_score_thresh}
              onChange={(stability_score_thresh) => onChange({ stability_score_thresh })}
            />
          </>
        )}
        {isOutdated && (
          <Button variant="default" onClick={() => setAsked(wanted)}>
            {words.preview.again}
          </Button>
        )}
      </Stack>
    </div>
  );
}

interface ThresholdProps {
  label: string;
  value: number;
  onChange: (value: number) => void;
}

function Threshold({ label, value, onChange }: ThresholdProps): ReactNode {
  return (
    <div>
      <Text size="sm" fw={500} mb={6} className="tabular">
        {label} {value.toFixed(2)}
      </Text>
      <Slider
        value={value}
        onChange={(next) => onChange(Number(next.toFixed(2)))}
        min={0}
        max={1}
        step={0.01}
        label={null}
        thumbLabel={label}
        thumbProps={{ "aria-valuetext": value.toFixed(2) }}
      />
    </div>
  );
}
