"""What a box head learns from labelled boxes, and how little from their absence.

A position near the centre of a labelled box learns the box (GIoU loss) and, as its quality, the IoU that its own box
has with it. Every other position learns its quality too, the best IoU of its box with any labelled one, most often 0,
but with `negative_weight` instead of 1: a mask that nobody drew says little, for people label what they come across.
Of positions that look alike, where a share f is labelled, quality so tends to q f / (f + w (1 - f)) for weight w and
quality q; with w 0.1 it is 0.9 q for objects that every second time go unlabelled, and 0 for ground that no box covers.

Shapes: B images, N positions, G labelled boxes of an image; all in input pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional

from model_server.networks.box_head import STRIDES_PER_BOX

CENTRE_STRIDES = 1.5  # how far from a box's centre positions answer for it (FCOS, centre sampling)
BOX_WEIGHT = 2.0


def detector_loss(
    boxes_xyxy: Tensor,
    quality_logits: Tensor,
    labelled_xyxy: list[Tensor],
    is_inside: Tensor,
    *,
    centres_xy: Tensor,
    strides: Tensor,
    negative_weight: float,
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch and its parts: boxes (B, N, 4), logits (B, N), labelled boxes (G, 4) of each image.

    `is_inside` (B, N) are the positions on the image and not on its padding.
    """
    taught: list[Tensor] = []
    quality_loss = boxes_xyxy.new_zeros(())
    for boxes, logits, labelled, inside in zip(boxes_xyxy, quality_logits, labelled_xyxy, is_inside, strict=True):
        owner = assign(labelled, centres_xy, strides)
        is_taught = (owner >= 0) & inside
        target, weight = torch.zeros_like(logits), torch.full_like(logits, negative_weight) * inside
        if len(labelled):
            with torch.no_grad():
                ious = pairwise_iou(boxes, labelled)
                own = ious.gather(1, owner.clamp(min=0)[:, None])[:, 0]
                target = torch.where(is_taught, own, ious.amax(1))
                weight = torch.where(is_taught, 1.0, weight)
            taught.append(generalised_iou(boxes[is_taught], labelled[owner[is_taught]]))
        quality_loss = quality_loss + functional.binary_cross_entropy_with_logits(
            logits, target, weight, reduction="sum"
        )
    gious = torch.cat(taught) if taught else boxes_xyxy.new_zeros(0)
    count = max(1, len(gious))
    box_loss, quality_loss = (1 - gious).sum() / count, quality_loss / count
    parts = {"box_loss": float(box_loss.detach()), "quality_loss": float(quality_loss.detach())}
    return BOX_WEIGHT * box_loss + quality_loss, parts


def assign(labelled_xyxy: Tensor, centres_xy: Tensor, strides: Tensor) -> Tensor:
    """Which labelled box (N,) each position answers for, -1 for none.

    The grid is the finest whose STRIDES_PER_BOX strides hold the box's longer side. Near the centre means at most
    CENTRE_STRIDES away and inside the box, or beside the middle of one that is thinner than a stride. Of several boxes
    the smallest.
    """
    if not len(labelled_xyxy):
        return torch.full_like(strides, -1, dtype=torch.int64)
    finest, coarsest = strides[0], strides[-1]
    sides = labelled_xyxy[:, 2:] - labelled_xyxy[:, :2]
    middles = (labelled_xyxy[:, 2:] + labelled_xyxy[:, :2]) / 2
    level = (sides.amax(1) / (STRIDES_PER_BOX * finest)).log2().ceil().clamp(min=0)
    stride_of_box = (finest * 2**level).clamp(max=coarsest)
    away = (centres_xy[:, None] - middles).abs()  # (N, G, 2)
    reach = torch.maximum(sides / 2, stride_of_box[:, None] / 2).clamp(max=CENTRE_STRIDES * stride_of_box[:, None])
    is_near = (away <= reach).all(-1) & (strides[:, None] == stride_of_box)
    areas = sides.prod(1).expand(len(strides), -1)
    smallest, owner = areas.masked_fill(~is_near, torch.inf).min(1)
    return owner.masked_fill(smallest.isinf(), -1)


def pairwise_iou(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    """IoU of every pair, (len(a), len(b))."""
    common = _common(a_xyxy[:, None], b_xyxy[None])
    return common / (_area(a_xyxy)[:, None] + _area(b_xyxy) - common).clamp(min=1e-6)


def generalised_iou(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    """GIoU (arXiv 1902.09630) of boxes pair by pair, (n,), in -1..1."""
    common = _common(a_xyxy, b_xyxy)
    either = (_area(a_xyxy) + _area(b_xyxy) - common).clamp(min=1e-6)
    hull = torch.cat([torch.minimum(a_xyxy, b_xyxy)[:, :2], torch.maximum(a_xyxy, b_xyxy)[:, 2:]], 1)
    hull_area = _area(hull).clamp(min=1e-6)
    return common / either - (hull_area - either) / hull_area


def _common(a_xyxy: Tensor, b_xyxy: Tensor) -> Tensor:
    sides = torch.minimum(a_xyxy[..., 2:], b_xyxy[..., 2:]) - torch.maximum(a_xyxy[..., :2], b_xyxy[..., :2])
    return sides.clamp(min=0).prod(-1)


def _area(boxes_xyxy: Tensor) -> Tensor:
    return (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).prod(-1)
