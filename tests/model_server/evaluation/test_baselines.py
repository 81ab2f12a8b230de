"""Classical methods on pictures where the right answer is plain, and where they have nothing to work with."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model_server.contract.masks import Bools, encode
from model_server.evaluation.baselines import baselines
from model_server.evaluation.protocols import Trial, Truth, run_trial

METHODS = {method.name: method for method in baselines()}


def answered(name: str, pixels: np.ndarray[Any, Any], mask: Bools) -> Trial:
    method = METHODS[name]
    session = method.look(Image.fromarray(pixels))
    return run_trial(session, Truth(encode(mask), mask), method.starts[0], steps=1, generator=np.random.default_rng(0))


@pytest.mark.parametrize(("name", "least"), [("Felzenszwalb", 0.9), ("flood fill", 0.9), ("GrabCut", 0.9)])
def test_a_plain_disc_is_found(name: str, least: float, disc: Callable[..., Bools]) -> None:
    mask = disc(40, 30, 18)
    noise = np.random.default_rng(0).integers(-8, 8, (*mask.shape, 3))
    pixels = (np.where(mask[..., None], [220, 190, 40], [20, 60, 130]) + noise).clip(0, 255).astype(np.uint8)
    trial = answered(name, pixels, mask)
    assert max(trial.candidate_ious) > least
    assert trial.ious[0] > 0.8
    assert len(trial.candidate_ious) == (1 if name == "GrabCut" else 3)


def test_the_filled_box_is_the_box(disc: Callable[..., Bools]) -> None:
    mask = disc(40, 30, 18)
    trial = answered("filled box", np.zeros((*mask.shape, 3), np.uint8), mask)
    assert trial.ious[0] == pytest.approx(mask.sum() / 37**2)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("size_hw", [(60, 80), (1, 1), (3, 700), (900, 40)])
def test_one_pixel_and_the_whole_picture_are_answered(name: str, size_hw: tuple[int, int]) -> None:
    """Of the picture's size, without an error: GrabCut has no background to learn from, or only one pixel."""
    pixels = np.random.default_rng(0).integers(0, 255, (*size_hw, 3), dtype=np.uint8)
    whole = np.ones(size_hw, np.bool_)
    pixel = np.zeros(size_hw, np.bool_)
    pixel[-1, -1] = True
    for mask in (whole, pixel):
        trial = answered(name, pixels, mask)
        assert all(rle["size"] == list(size_hw) for rle in trial.answers[0].masks)
    if name in ("GrabCut", "filled box"):
        assert answered(name, pixels, whole).ious == [1.0]


def test_grabcut_is_repeatable(disc: Callable[..., Bools]) -> None:
    mask = disc(40, 30, 18)
    pixels = np.random.default_rng(0).integers(0, 255, (*mask.shape, 3), dtype=np.uint8)
    assert answered("GrabCut", pixels, mask).answers == answered("GrabCut", pixels, mask).answers
