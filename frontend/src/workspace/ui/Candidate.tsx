// One of the masks the model offers: a thumbnail and a word. All of one answer show the same piece of the photo.
import { type ReactNode, useEffect, useRef } from "react";
import { UnstyledButton } from "@mantine/core";
import { DRAFT_LOOK } from "../../canvas/render/draw";
import { levelFor, type Picture } from "../../canvas/render/picture";
import { words } from "../../words/workspace";
import type { Answer, ScoreWord } from "../predict/predictor";
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

export function Candidate({ masks, mask, number, word, isShown, onChoose }: CandidateProps): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { stage } = useWorkplace();
  const shortcuts = useShortcuts(String(number));
  const picture = useWorkspace((state) => state.picture);
  const image = useWorkspace((state) => state.work?.image);
  useEffect(() => {
    if (stage === null || picture === null || image === undefined || canvas.current === null) return undefined;
    const frame = frameOf(masks, image);
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
      <canvas ref={canvas} width={SIZE.width * 2} height={SIZE.height * 2} style={SIZE} aria-hidden />
      <span className={panel["score"]} data-score={word}>{words.score[word]}</span>
      {masks.length > 1 && <span className={panel["number"]}>{number}</span>}
    </UnstyledButton>
  );
}

interface Frame {
  /** Thumbnail pixels per image pixel, and the image point at its top-left corner. */
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

/** The piece of the image that holds every mask of the answer, with some room around. */
function frameOf(masks: readonly AnswerMask[], image: { width: number; height: number }): Frame {
  const boxes = masks.filter((mask) => mask.area > 0).map((mask) => mask.bbox_xywh);
  const left = Math.min(image.width, ...boxes.map(([x = 0]) => x));
  const top = Math.min(image.height, ...boxes.map(([, y = 0]) => y));
  const right = Math.max(left + 1, ...boxes.map(([x = 0, , width = 0]) => x + width));
  const bottom = Math.max(top + 1, ...boxes.map(([, y = 0, , height = 0]) => y + height));
  const scale = Math.min((SIZE.width * 1.6) / (right - left), (SIZE.height * 1.6) / (bottom - top), 2);
  return { scale, x: (left + right) / 2 - SIZE.width / scale, y: (top + bottom) / 2 - SIZE.height / scale };
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
