"""The masks a method did worst, middling and best, as pictures of the object's surroundings."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from model_server.contract import masks
from model_server.contract.geometry import BoxPrompt, PointPrompt, Prompt
from model_server.contract.masks import Bools
from model_server.dataset import open_picture
from model_server.evaluation.methods import Start
from model_server.evaluation.protocols import Truth, run_trial
from model_server.evaluation.scoring import Run, Scored, generator_of

COUNTS = {"worst": 12, "median": 4, "best": 4}
SIDE = 240  # pixels of a picture's long side
MARGIN = 0.2  # of the object's longer side
LEAST_MARGIN = 16  # pixels

FILL_RGB, FILL_SHARE = (59, 158, 255), 0.4
TRUTH_RGB, DARK_RGB, NEGATIVE_RGB = (255, 255, 255), (0, 0, 0), (230, 60, 60)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Case:
    """One mask with the answer to its first prompt; `webp` shows both."""

    kind: str
    file_name: str
    annotation_id: int
    area: int
    iou: float
    predicted_iou: float | None
    webp: bytes


def pick(ious: npt.NDArray[np.float64], areas: npt.NDArray[np.int64]) -> dict[str, list[int]]:
    """Rows by kind, never one twice. Of equally bad masks the largest come first: they say more."""
    rows = np.flatnonzero(~np.isnan(ious))
    order = rows[np.lexsort((-areas[rows], ious[rows]))].tolist()
    worst = order[: COUNTS["worst"]]
    best = order[len(worst) :][::-1][: COUNTS["best"]]
    between = order[len(worst) : len(order) - len(best)]
    first = max(0, (len(between) - COUNTS["median"]) // 2)
    return {"worst": worst, "median": between[first : first + COUNTS["median"]], "best": best}


def cases(run: Run, scored: Scored, start: Start, *, seed: int) -> list[Case]:
    """Pictures of a method's worst, middle and best answers to the first prompt; they are made again for it."""
    kinds = {row: kind for kind, rows in pick(run.scores[start].ious[:, 0], scored.areas).items() for row in rows}
    drawn: dict[int, Case] = dict(_draw(run, scored, start, kinds, seed))
    return [drawn[row] for row in kinds]


def _draw(run: Run, scored: Scored, start: Start, kinds: dict[int, str], seed: int) -> Iterator[tuple[int, Case]]:
    first_rows = [0, *accumulate(len(picture.masks) for picture in scored.pictures)]
    for picture, first_row in zip(scored.pictures, first_rows, strict=False):
        rows = [row for row in range(first_row, first_row + len(picture.masks)) if row in kinds]
        if not rows:
            continue
        image = open_picture(picture)
        session = run.method.look(image)
        for row in rows:
            mask = picture.masks[row - first_row]
            truth = Truth(mask.segmentation, masks.decode(mask.segmentation))
            near = session.near(masks.bbox_xywh(mask.segmentation))
            trial = run_trial(near, truth, start, steps=1, generator=generator_of(mask, seed))
            answer = trial.answers[0]
            predicted = masks.decode(answer.masks[answer.chosen])
            yield (
                row,
                Case(
                    kind=kinds[row],
                    file_name=picture.file_name,
                    annotation_id=mask.annotation_id,
                    area=mask.area,
                    iou=trial.ious[0],
                    predicted_iou=answer.predicted_iou[answer.chosen] if answer.predicted_iou else None,
                    webp=to_webp(show(image, truth.mask_hw, predicted, trial.prompts[0])),
                ),
            )


def show(image: Image.Image, truth_hw: Bools, predicted_hw: Bools, prompt: Prompt) -> Image.Image:
    """The surroundings of both masks: the answer filled, the human outline over it, the prompt on top."""
    left, top, right, bottom = _window(truth_hw | predicted_hw)
    scale = min(4.0, SIDE / max(right - left, bottom - top))
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    pixels = np.array(image.crop((left, top, right, bottom)).resize(size, Image.Resampling.BICUBIC))
    truth, predicted = (
        cv2.resize(
            np.ascontiguousarray(mask[top:bottom, left:right]).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST
        )
        for mask in (truth_hw, predicted_hw)
    )
    inside = predicted > 0
    pixels[inside] = (pixels[inside] * (1 - FILL_SHARE) + np.array(FILL_RGB) * FILL_SHARE).astype(np.uint8)
    outline, _ = cv2.findContours(truth, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(pixels, outline, -1, DARK_RGB, 3)
    cv2.drawContours(pixels, outline, -1, TRUTH_RGB, 1)
    _draw_prompt(pixels, prompt, (left, top), scale)
    return Image.fromarray(pixels)


def to_webp(image: Image.Image) -> bytes:
    """A small file."""
    file = BytesIO()
    image.save(file, "WEBP", quality=80)
    return file.getvalue()


def _window(masks_hw: Bools) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what to show."""
    rows, columns = np.flatnonzero(masks_hw.any(axis=1)), np.flatnonzero(masks_hw.any(axis=0))
    height, width = masks_hw.shape
    margin = max(LEAST_MARGIN, int(MARGIN * max(rows[-1] - rows[0], columns[-1] - columns[0])))
    left, top = max(0, int(columns[0]) - margin), max(0, int(rows[0]) - margin)
    return left, top, min(width, int(columns[-1]) + margin + 1), min(height, int(rows[-1]) + margin + 1)


def _draw_prompt(pixels: Pixels, prompt: Prompt, left_top: tuple[int, int], scale: float) -> None:
    def at(x: float, y: float) -> tuple[int, int]:
        return int((x - left_top[0]) * scale), int((y - left_top[1]) * scale)

    match prompt:
        case PointPrompt(x=x, y=y, label=label):
            cv2.circle(pixels, at(x, y), 6, TRUTH_RGB, -1, cv2.LINE_AA)
            cv2.circle(pixels, at(x, y), 4, FILL_RGB if label else NEGATIVE_RGB, -1, cv2.LINE_AA)
        case BoxPrompt(x1=x1, y1=y1, x2=x2, y2=y2):
            cv2.rectangle(pixels, at(x1, y1), at(x2, y2), TRUTH_RGB, 3)
            cv2.rectangle(pixels, at(x1, y1), at(x2, y2), FILL_RGB, 1)
