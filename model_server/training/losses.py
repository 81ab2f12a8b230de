"""Losses of promptable segmentation, one number per mask. Logits (..., h, w); targets (..., h, w) are coverage 0..1.

Masks are compared on the network's own low-resolution grid: a target says how much of each cell the mask covers.
"""

import torch
from torch import Tensor
from torch.nn import functional

FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2.0  # sam2's training/loss_fns.py; SAM's paper names neither
DICE_SMOOTHING = 1.0  # ibid.


def focal_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the cells of the sigmoid focal loss (arXiv 1708.02002), (...,)."""
    probability = logits.sigmoid()
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    likely = probability * targets + (1 - probability) * (1 - targets)
    weight = FOCAL_ALPHA * targets + (1 - FOCAL_ALPHA) * (1 - targets)
    return (weight * cross_entropy * (1 - likely) ** FOCAL_GAMMA).mean((-2, -1))


def balanced_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy with inside and outside weighing the same, (...,).

    From random weights 20 x focal + dice collapses to empty masks within a hundred steps; this does not.
    """
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    inside = (cross_entropy * targets).sum((-2, -1)) / targets.sum((-2, -1)).clamp(min=1)
    outside = (cross_entropy * (1 - targets)).sum((-2, -1)) / (1 - targets).sum((-2, -1)).clamp(min=1)
    return 0.5 * (inside + outside)


def dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """One minus the soft Dice coefficient, smoothed by one cell, (...,)."""
    probability = logits.sigmoid()
    both = 2 * (probability * targets).sum((-2, -1)) + DICE_SMOOTHING
    return 1 - both / (probability.sum((-2, -1)) + targets.sum((-2, -1)) + DICE_SMOOTHING)


def click_loss(logits: Tensor, points: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy at the clicked points, (B, P, K); 0 without points.

    `logits` (B, P, K, h, w), read between cells (bilinear); `points` (B, P, N, 2) are x, y as shares of the picture's
    sides, 0..1; `labels` (B, P, N) 1 on the object, 0 off it.
    """
    images, prompts, kinds = logits.shape[:3]
    if points.shape[2] == 0:
        return logits.new_zeros(images, prompts, kinds)
    places = (2 * points.float() - 1).flatten(0, 1)[:, None]
    read = functional.grid_sample(logits.float().flatten(0, 1), places, padding_mode="border", align_corners=False)
    wanted = labels[:, :, None].expand(-1, -1, kinds, -1).float()
    at_points = read[:, :, 0].reshape(images, prompts, kinds, -1)
    return functional.binary_cross_entropy_with_logits(at_points, wanted, reduction="none").mean(-1)


@torch.no_grad()
def actual_iou(logits: Tensor, targets: Tensor) -> Tensor:
    """IoU of the thresholded masks on the low-resolution grid, (...,); two empty masks give 0."""
    answered, wanted = logits > 0, targets > 0.5
    union = (answered | wanted).sum((-2, -1))
    return (answered & wanted).sum((-2, -1)) / union.clamp(min=1)
