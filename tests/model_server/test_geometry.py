"""Prompts: what does not fit the image is refused by name, and the JSON survives the round trip."""

from dataclasses import asdict

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from model_server.contract import masks
from model_server.contract.geometry import BoxPrompt, InvalidPrompt, MaskPrompt, PointPrompt, Prompt, validate_prompts
from model_server.contract.messages import PromptJson

SIZE_HW = (20, 30)
EMPTY = masks.encode(np.zeros(SIZE_HW, np.bool_))


def test_accepts_what_lies_on_the_border() -> None:
    validate_prompts(
        [
            PointPrompt(x=0, y=0, label=1),
            PointPrompt(x=30, y=20, label=0, candidate=2),
            BoxPrompt(x1=0, y1=0, x2=30, y2=20),
            MaskPrompt(rle=EMPTY),
        ],
        SIZE_HW,
    )


@pytest.mark.parametrize(
    ("prompts", "code"),
    [
        ([], "no_prompts"),
        ([PointPrompt(x=1, y=1, label=1)] * 101, "too_many_prompts"),
        ([BoxPrompt(x1=0, y1=0, x2=3, y2=2)] * 2, "too_many_boxes"),
        ([PointPrompt(x=30.01, y=1, label=1)], "point_outside_image"),
        ([PointPrompt(x=1, y=-0.01, label=1)], "point_outside_image"),
        ([PointPrompt(x=float("nan"), y=1, label=1)], "not_finite"),
        ([PointPrompt(x=1, y=float("inf"), label=1)], "not_finite"),
        ([PointPrompt(x=1, y=1, label=2)], "invalid_label"),  # type: ignore[arg-type]
        ([PointPrompt(x=1, y=1, label=1, candidate=3)], "invalid_candidate"),  # type: ignore[arg-type]
        ([BoxPrompt(x1=5, y1=1, x2=5, y2=2)], "box_inside_out"),
        ([BoxPrompt(x1=5, y1=1, x2=4, y2=2)], "box_inside_out"),
        ([BoxPrompt(x1=5, y1=1, x2=31, y2=2)], "box_outside_image"),
        ([BoxPrompt(x1=float("nan"), y1=1, x2=4, y2=2)], "not_finite"),
        ([MaskPrompt(rle={"size": [30, 20], "counts": EMPTY["counts"]})], "mask_size_mismatch"),
        ([MaskPrompt(rle={"size": [20, 30], "counts": "~"})], "mask_malformed"),
    ],
)
def test_refuses_by_name(prompts: list[Prompt], code: str) -> None:
    with pytest.raises(InvalidPrompt) as caught:
        validate_prompts(prompts, SIZE_HW)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")


def test_json_round_trip() -> None:
    prompts: list[Prompt] = [
        PointPrompt(x=1.5, y=2, label=0, candidate=1),
        BoxPrompt(x1=1, y1=2, x2=3, y2=4),
        MaskPrompt(rle=EMPTY),
    ]
    adapter = TypeAdapter(list[PromptJson])
    assert adapter.validate_python([asdict(prompt) for prompt in prompts]) == prompts
    with pytest.raises(ValidationError):
        adapter.validate_python([{"type": "scribble"}])
