"""Losses against hand-worked numbers, independent formulas and numerical gradients."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model_server.training.losses import actual_iou, balanced_loss, click_loss, dice_loss, focal_loss


def cells(values: list[list[float]]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_focal_loss_of_two_cells_by_hand() -> None:
    """p = 0.5 inside and p = 0.8 outside: 0.25 * ln 2 * 0.25 and 0.75 * ln 5 * 0.64, halved for the mean."""
    logits, target = cells([[0.0, math.log(4)]]), cells([[1.0, 0.0]])
    by_hand = (0.25 * math.log(2) * 0.5**2 + 0.75 * math.log(5) * 0.8**2) / 2
    assert focal_loss(logits, target).item() == pytest.approx(by_hand)


def test_dice_loss_by_hand() -> None:
    """Probabilities 0.5 everywhere, one of four cells inside: 1 - (2 * 0.5 + 1) / (2 + 1 + 1)."""
    assert dice_loss(torch.zeros(2, 2), cells([[1, 0], [0, 0]])).item() == pytest.approx(1 - 2 / 4)


def test_balanced_loss_weighs_inside_and_outside_the_same() -> None:
    """One cell inside of sixteen: the mean of the two sides' means, not of the cells."""
    target = torch.zeros(4, 4)
    target[0, 0] = 1
    logits = torch.full((4, 4), math.log(3))  # p = 0.75
    assert balanced_loss(logits, target).item() == pytest.approx((math.log(4 / 3) + math.log(4)) / 2, rel=1e-5)


def test_click_loss_reads_the_clicked_cells_alone() -> None:
    """A grid of 2 x 2: a click on the object where p = 0.8, one off it where p = 0.5, in the middles of their cells."""
    logits = cells([[math.log(4), 9.0], [9.0, 0.0]])[None, None, None]
    points, labels = cells([[0.25, 0.25], [0.75, 0.75]])[None, None], torch.tensor([[[1, 0]]])
    by_hand = (math.log(5 / 4) + math.log(2)) / 2
    assert click_loss(logits, points, labels).item() == pytest.approx(by_hand, rel=1e-5)
    assert click_loss(logits, points[:, :, :0], labels[:, :, :0]).tolist() == [[[0.0]]]


def test_losses_against_formulas_written_with_numpy() -> None:
    rng = np.random.default_rng(3)
    logits, target = rng.normal(0, 2, (5, 6, 7)), rng.random((5, 6, 7))
    p = 1 / (1 + np.exp(-logits))
    ce = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    pt = np.where(True, p * target + (1 - p) * (1 - target), 0)
    focal = ((0.25 * target + 0.75 * (1 - target)) * ce * (1 - pt) ** 2).mean((1, 2))
    dice = 1 - (2 * (p * target).sum((1, 2)) + 1) / (p.sum((1, 2)) + target.sum((1, 2)) + 1)
    given_logits, given_target = torch.from_numpy(logits), torch.from_numpy(target)
    np.testing.assert_allclose(focal_loss(given_logits, given_target).numpy(), focal, rtol=1e-10)
    np.testing.assert_allclose(dice_loss(given_logits, given_target).numpy(), dice, rtol=1e-10)


@pytest.mark.parametrize("loss", [focal_loss, dice_loss, balanced_loss])
def test_gradients_are_the_numerical_ones(loss: object) -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    target = torch.rand(2, 3, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda given: loss(given, target), (logits,))  # type: ignore[operator]


@given(st.integers(0, 2**32 - 1))
def test_better_answers_never_cost_more(seed: int) -> None:
    """Moving one cell's logit towards its target lowers every loss."""
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(0, 3, (4, 4)))
    target = torch.from_numpy((rng.random((4, 4)) < 0.4).astype(np.float64))
    better = logits.clone()
    row, column = rng.integers(4), rng.integers(4)
    better[row, column] += 1.0 if target[row, column] else -1.0
    for loss in (dice_loss, balanced_loss, focal_loss):
        assert loss(better, target) <= loss(logits, target) + 1e-12


def test_iou_counts_cells() -> None:
    logits, target = cells([[1, 1], [-1, -1]]), cells([[1, 0.4], [0.6, 0]])
    assert actual_iou(logits, target).item() == pytest.approx(1 / 3)
    assert actual_iou(-torch.ones(2, 2), torch.zeros(2, 2)).item() == 0
