// One of the masks the model offers: a thumbnail and a word.
import { type ReactNode, useEffect, useRef } from "react";
import { UnstyledButton } from "@mantine/core";
import { DRAFT_LOOK } from "../../canvas/render/draw";
import { levelFor, type Picture } from "../../canvas/render/picture";
import { words } from "../../words/workspace";
import type { Answer, ScoreWord } from "../predict/predictor";
import { type Frame, frameFor } from "../thumbnail";
import panel from "../panel.module.css";
import { useWorkplace, useWorkspace } from "./context";
import { keepFocus, useShortcuts } from "./Panels";

type AnswerMask = Answer["masks"][number];

interface CandidateProps {
  masks: readonly AnswerMask[];
  mask: AnswerMask;
  number: number;
  word: ScoreWord;
  isShown: boolean;
  onChoose: () => void;
}

const SIZE = { width: 76, height: 57 };
/** In pixels of its canvas. */
const THUMBNAIL = { width: 2 * SIZE.width, height: 2 * SIZE.height };

export function Candidate({ masks, mask, number, word, isShown, onChoose }: CandidateProps): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { stage } = useWorkplace();
  const shortcuts = useShortcuts(String(number));
  const picture = useWorkspace((state) => state.picture);
  const image = useWorkspace((state) => state.work?.image);
  useEffect(() => {
    if (stage === null || picture === null || image === undefined || canvas.current === null) return undefined;
    const frame = frameFor(mask.bbox_xywh, masks.filter(({ area }) => area > 0).map((one) => one.bbox_xywh), THUMBNAIL);
    let isStale = false;
    const target = canvas.current;
    const shift = Math.max(0, Math.floor(Math.log2(1 / frame.scale)));
    void stage.renderer.painter.bake(mask.rle, { shift, line: 1 }, DRAFT_LOOK, true).then(
      (painted) => {
        if (!isStale) drawThumbnail(target, { picture, image, frame, painted });
        painted.picture?.close();
      },
      () => undefined, // a mask without a thumbnail can still be chosen
    );
    return () => {
      isStale = true;
    };
  }, [stage, picture, image, masks, mask]);
  return (
    <UnstyledButton
      className={panel["candidate"] ?? ""}
      role="radio"
      aria-checked={isShown}
      aria-label={words.mask.candidate(number, words.score[word])}
      {...shortcuts}
      title={words.scoreExact(mask.predicted_iou)}
      onMouseDown={keepFocus}
      onClick={onChoose}
    >
      <canvas ref={canvas} width={THUMBNAIL.width} height={THUMBNAIL.height} style={SIZE} aria-hidden />
      <span className={panel["score"]} data-score={word}>{words.score[word]}</span>
      {masks.length > 1 && <span className={panel["number"]}>{number}</span>}
    </UnstyledButton>
  );
}

interface Thumbnail {
  readonly picture: Picture;
  readonly image: { width: number; height: number };
  readonly frame: Frame;
  readonly painted: { picture: ImageBitmap | null; x: number; y: number; width: number; height: number };
}

function drawThumbnail(canvas: HTMLCanvasElement, { picture, image, frame, painted }: Thumbnail): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(frame.scale, 0, 0, frame.scale, -frame.x * frame.scale, -frame.y * frame.scale);
  context.imageSmoothingQuality = "high";
  const level = levelFor(picture, image.width * frame.scale);
  if (level !== undefined) context.drawImage(level, 0, 0, image.width, image.height);
  if (painted.picture !== null) context.drawImage(painted.picture, painted.x, painted.y, painted.width, painted.height);
}
