"""Simulated clicks and boxes, by their statistics."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from model_server.training.prompts import (
    BOX_NOISE_LIMIT,
    boxes_of,
    correction_points,
    noisy_boxes,
    uniform_point,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_masks(seed: int, shape: tuple[int, ...] = (3, 9, 7)) -> torch.Tensor:
    masks = torch.rand(shape, generator=generator(seed)) < 0.2
    masks[..., 4, 3] = True
    return masks


@given(st.integers(0, 2**31))
def test_points_lie_inside_their_masks(seed: int) -> None:
    masks = random_masks(seed)
    points = uniform_point(masks, generator(seed))
    for mask, (x, y) in zip(masks, points.tolist(), strict=True):
        assert mask[y, x]


def test_every_pixel_of_a_mask_is_as_likely_as_any_other() -> None:
    mask = torch.zeros(6, 5, dtype=torch.bool)
    mask[1, 1:4] = mask[5, 4] = mask[0, 0] = True
    points = uniform_point(mask.expand(20_000, -1, -1), generator())
    counts = np.bincount((points[:, 1] * 5 + points[:, 0]).numpy(), minlength=30).reshape(6, 5)
    assert counts[~mask.numpy()].sum() == 0
    assert chisquare(counts[mask.numpy()]).pvalue > 0.001


def test_boxes_reach_to_the_far_edges_of_their_last_pixels() -> None:
    mask = torch.zeros(2, 8, 10, dtype=torch.bool)
    mask[0, 2:5, 3:9] = True
    mask[1, 7, 9] = True
    assert boxes_of(mask).tolist() == [[3, 2, 9, 5], [9, 7, 10, 8]]


def far_box() -> torch.Tensor:
    """A mask on a quarter of the reference input: 25 wide, 100 high, noise of at most 5 pixels."""
    mask = torch.zeros(256, 256, dtype=torch.bool)
    mask[75:175, 100:125] = True
    return mask.expand(2000, -1, -1)


def test_box_noise_is_normal_with_a_tenth_of_the_side_and_bounded() -> None:
    moved = noisy_boxes(far_box(), generator=generator()) - boxes_of(far_box())
    assert moved.abs().max() <= BOX_NOISE_LIMIT / 4
    across, down = moved[:, 0].numpy(), moved[:, 1].numpy()
    assert np.std(across) == pytest.approx(2.4, abs=0.2)  # normal with 2.5, cut off at 2 deviations
    assert (np.abs(down) == BOX_NOISE_LIMIT / 4).mean() == pytest.approx(0.617, abs=0.05)  # 10, at half a deviation


def test_sam2s_box_noise_is_uniform() -> None:
    moved = noisy_boxes(far_box(), is_uniform=True, generator=generator()) - boxes_of(far_box())
    assert kstest(moved[:, 0].numpy(), "uniform", args=(-2.5, 5)).pvalue > 0.001
    assert kstest(moved[:, 1].numpy(), "uniform", args=(-5, 10)).pvalue > 0.001


@given(st.integers(0, 2**31))
def test_boxes_stay_boxes_whatever_the_noise(seed: int) -> None:
    boxes = noisy_boxes(random_masks(seed), generator=generator(seed))
    assert (boxes[:, 0] <= boxes[:, 2]).all()
    assert (boxes[:, 1] <= boxes[:, 3]).all()
    assert boxes.min() >= 0
    assert boxes.max() <= 7 or boxes[:, ::2].max() <= 9


@given(st.integers(0, 2**31))
def test_corrections_fall_on_errors_and_say_which_kind(seed: int) -> None:
    masks, answers = random_masks(seed), random_masks(seed + 1)
    points, labels = correction_points(masks, answers, generator=generator(seed))
    for mask, answer, (x, y), label in zip(masks, answers, points.tolist(), labels.tolist(), strict=True):
        if not torch.equal(mask, answer):
            assert mask[y, x] != answer[y, x]
        assert label == int(mask[y, x])


def test_missed_and_spilt_pixels_are_equally_likely() -> None:
    """One region of two missed pixels, one of six spilt ones: a quarter of the clicks are positive."""
    mask = torch.zeros(8, 8, dtype=torch.bool)
    answer = mask.clone()
    mask[0, :2], answer[5, :6] = True, True
    _, labels = correction_points(mask.expand(10_000, -1, -1), answer.expand(10_000, -1, -1), generator=generator())
    assert labels.float().mean().item() == pytest.approx(0.25, abs=0.02)


def test_without_an_error_the_click_is_negative_and_outside() -> None:
    mask = random_masks(0)
    points, labels = correction_points(mask, mask, generator=generator())
    assert labels.tolist() == [0, 0, 0]
    assert not any(one[y, x] for one, (x, y) in zip(mask, points.tolist(), strict=True))


def test_a_mask_of_all_pixels_answered_rightly_is_clicked_inside() -> None:
    mask = torch.ones(1, 4, 4, dtype=torch.bool)
    _, labels = correction_points(mask, mask, generator=generator())
    assert labels.tolist() == [1]


def test_some_corrections_may_come_from_the_mask_itself() -> None:
    masks, answers = random_masks(0), ~random_masks(0)
    points, labels = correction_points(masks, answers, from_mask=torch.tensor([True] * 3), generator=generator())
    assert labels.tolist() == [1, 1, 1]
    assert all(one[y, x] for one, (x, y) in zip(masks, points.tolist(), strict=True))
