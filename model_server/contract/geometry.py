"""Prompts: what a person points at. Image pixels, origin at the corner of the top-left pixel, centres at +0.5."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model_server.contract.masks import InvalidMask, Rle, validate

MAX_PROMPTS = 100
MAX_MASK_BYTES = 4_000_000

Candidate = Literal[0, 1, 2] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointPrompt:
    """A click. `label` 1 is on the object, 0 is off it. `candidate`: see `Prompt`."""

    x: float
    y: float
    label: Literal[0, 1]
    candidate: Candidate = None
    type: Literal["point"] = "point"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxPrompt:
    """A box around the object, x1 < x2 and y1 < y2."""

    x1: float
    y1: float
    x2: float
    y2: float
    candidate: Candidate = None
    type: Literal["box"] = "box"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskPrompt:
    """A mask to start from, at the image's own resolution. The prompts before it no longer count as mask input."""

    rle: Rle
    candidate: Candidate = None
    type: Literal["mask"] = "mask"


# `candidate` says which of the masks answered to this prompt the person had chosen when the next prompt came;
# None: the one with the highest predicted IoU. `dataclasses.asdict` of a prompt is its JSON.
Prompt = PointPrompt | BoxPrompt | MaskPrompt


class InvalidPrompt(Exception):
    """Prompts that do not fit the image.

    Codes: no_prompts, too_many_prompts, too_many_boxes, not_finite, invalid_label, invalid_candidate,
    point_outside_image, box_outside_image, box_inside_out, and those of InvalidMask.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def validate_prompts(prompts: Sequence[Prompt], size_hw: tuple[int, int]) -> None:
    """Check every prompt against the image (height, width). Raises InvalidPrompt; the message counts from 1."""
    if not prompts:
        raise InvalidPrompt("no_prompts", "Give at least one prompt: a point, a box or a mask.")
    if len(prompts) > MAX_PROMPTS:
        raise InvalidPrompt("too_many_prompts", f"At most {MAX_PROMPTS} prompts are allowed on one mask.")
    if sum(isinstance(prompt, BoxPrompt) for prompt in prompts) > 1:
        raise InvalidPrompt("too_many_boxes", "A mask takes one box; replace the first box by the second.")
    for number, prompt in enumerate(prompts, start=1):
        _validate_prompt(prompt, number, size_hw)


def _validate_prompt(prompt: Prompt, number: int, size_hw: tuple[int, int]) -> None:
    if prompt.candidate not in (None, 0, 1, 2):
        raise InvalidPrompt("invalid_candidate", f"Prompt {number}: candidate must be 0, 1, 2 or null.")
    match prompt:
        case PointPrompt(x=x, y=y, label=label):
            _require_finite(number, x, y)
            if label not in (0, 1):
                raise InvalidPrompt("invalid_label", f"Prompt {number}: label must be 1 (on) or 0 (off the object).")
            _require_inside("point_outside_image", number, (x, y), size_hw)
        case BoxPrompt(x1=x1, y1=y1, x2=x2, y2=y2):
            _require_finite(number, x1, y1, x2, y2)
            if not (x1 < x2 and y1 < y2):
                raise InvalidPrompt("box_inside_out", f"Prompt {number}: a box needs x1 < x2 and y1 < y2.")
            _require_inside("box_outside_image", number, (x1, y1), size_hw)
            _require_inside("box_outside_image", number, (x2, y2), size_hw)
        case MaskPrompt(rle=rle):
            try:
                validate(rle, size_hw, max_bytes=MAX_MASK_BYTES)
            except InvalidMask as error:
                raise InvalidPrompt(error.code, f"Prompt {number}: {error.message}") from error


def _require_finite(number: int, *values: float) -> None:
    if not all(math.isfinite(value) for value in values):
        raise InvalidPrompt("not_finite", f"Prompt {number}: coordinates must be finite numbers.")


def _require_inside(code: str, number: int, xy: tuple[float, float], size_hw: tuple[int, int]) -> None:
    height, width = size_hw
    if not (0 <= xy[0] <= width and 0 <= xy[1] <= height):
        raise InvalidPrompt(code, f"Prompt {number}: ({xy[0]:g}, {xy[1]:g}) is outside the {width} x {height} image.")
