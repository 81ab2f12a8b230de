"""One step of a network's answer to prompts, and its logits as masks of the image's size."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from model_server.contract.geometry import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from model_server.contract.masks import Positions, Rle, area_of_changes, bbox_of_changes, decode, from_changes
from model_server.networks.frame import Frame
from model_server.networks.network import Decoded, Embedding, Logits, Network, PromptTensors
from model_server.networks.parts import clicked_parts
from model_server.networks.upsample import Upsampler

Multimask = Literal["auto"] | bool

MASK_THRESHOLD = 0.0
STABILITY_OFFSET = 1.0  # in logits; SAM's automatic mask generator
MASK_PROMPT_LOGIT = 10.0  # a mask prompt is +10 inside, -10 outside (sam2_base.py, _use_mask_as_output)


@dataclass(frozen=True, slots=True)
class PredictedMask:
    """One candidate at the image's resolution. An empty mask has area 0, box [0, 0, 0, 0] and stability 0."""

    rle: Rle
    predicted_iou: float
    stability_score: float
    area: int
    bbox_xywh: list[int]


def answer_step(
    network: Network,
    embedding: Embedding,
    prompts: Sequence[Prompt],
    previous_logits: Logits | None,
    multimask: Multimask = "auto",
) -> Decoded:
    """Answer all prompts so far, `previous_logits` being the mask chosen after all but the last of them."""
    frame = network.frame(embedding.size_hw)
    tensors = to_tensors(prompts, previous_logits, frame)
    decoded = network.decode(embedding, tensors, multimask)
    return clicked_parts(decoded, tensors, frame) if network.facts.parts == "clicked" else decoded


def to_tensors(prompts: Sequence[Prompt], previous_logits: Logits | None, frame: Frame) -> PromptTensors:
    """All prompts of a step: every point so far, the box, and as mask the last prompt's or the previous answer.

    A mask that comes first is joined by a point inside it. Networks learn masks beside the clicks that made them: a
    mask and a click that corrects it, alone, are answered by what lies at that click (docs/figures.md).
    """
    points = [prompt for prompt in prompts if isinstance(prompt, PointPrompt)]
    place_xy = _place_in_last_mask(prompts, frame) if isinstance(prompts[0], MaskPrompt) else None
    if place_xy is not None:
        points.insert(0, PointPrompt(x=place_xy[0], y=place_xy[1], label=1))
    boxes = [prompt for prompt in prompts if isinstance(prompt, BoxPrompt)]
    last = prompts[-1]
    if isinstance(last, MaskPrompt):
        cover = frame.mask_to_low(decode(last.rle))
        previous_logits = (2 * cover - 1) * np.float32(MASK_PROMPT_LOGIT)
    return PromptTensors(
        points_xy=np.array([(point.x, point.y) for point in points], np.float32).reshape(-1, 2),
        labels=np.array([point.label for point in points], np.int64),
        box_xyxy=np.array([boxes[0].x1, boxes[0].y1, boxes[0].x2, boxes[0].y2], np.float32) if boxes else None,
        mask_input=previous_logits,
        prompt_count=len(prompts),
        is_placed=place_xy is not None,
    )


def _place_in_last_mask(prompts: Sequence[Prompt], frame: Frame) -> tuple[float, float] | None:
    last = [prompt.rle for prompt in prompts if isinstance(prompt, MaskPrompt)][-1]
    return _place_in(last["counts"], last["size"][0], last["size"][1], frame)


@lru_cache(maxsize=64)
def _place_in(counts: str, height: int, width: int, frame: Frame) -> tuple[float, float] | None:
    return frame.deep_inside(frame.mask_to_low(decode({"size": [height, width], "counts": counts})))


def to_masks(decoded: Decoded, frame: Frame) -> list[PredictedMask]:
    """Every candidate as a mask of the image's size, with its stability."""
    size_hw, found = frame.size_hw, changes_of_all(decoded, frame)
    return [
        to_mask(changes, stability(sure, perhaps, size_hw=size_hw), float(predicted_iou), size_hw=size_hw)
        for (changes, sure, perhaps), predicted_iou in zip(found, decoded.predicted_iou, strict=True)
    ]


def changes_of_all(decoded: Decoded, frame: Frame) -> list[list[Positions]]:
    """Of every candidate the mask, and the masks cut above and below it."""
    thresholds = (MASK_THRESHOLD, MASK_THRESHOLD + STABILITY_OFFSET, MASK_THRESHOLD - STABILITY_OFFSET)
    return _upsampler(frame).changes(decoded.logits, thresholds)


@lru_cache(maxsize=256)
def _upsampler(frame: Frame) -> Upsampler:
    return Upsampler(frame)


def stability(sure: Positions, perhaps: Positions, *, size_hw: tuple[int, int]) -> float:
    perhaps_area = area_of_changes(perhaps, size_hw=size_hw)
    return area_of_changes(sure, size_hw=size_hw) / perhaps_area if perhaps_area else 0.0


def to_mask(changes: Positions, stability: float, predicted_iou: float, *, size_hw: tuple[int, int]) -> PredictedMask:
    return PredictedMask(
        rle=from_changes(changes, size_hw=size_hw),
        predicted_iou=predicted_iou,
        stability_score=stability,
        area=area_of_changes(changes, size_hw=size_hw),
        bbox_xywh=bbox_of_changes(changes, size_hw=size_hw),
    )
