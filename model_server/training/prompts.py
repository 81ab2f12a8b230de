"""Simulated people: where a first click or box falls on a mask, and where a correction falls on what is still wrong.

SAM, arXiv 2304.02643, appendix A (training algorithm). Masks are bool tensors (..., S, S); points are input pixels,
integers, x before y.
"""

import torch
from torch import Tensor

BOX_NOISE_SHARE = 0.1  # standard deviation, of the box's side
BOX_NOISE_LIMIT = 20.0  # pixels of a 1024-pixel input
REFERENCE_INPUT = 1024


def uniform_point(masks: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One pixel of every mask, all equally likely: (..., 2). For an empty mask it is the last pixel."""
    flat = masks.flatten(-2)
    inside = flat.cumsum(-1, dtype=torch.int32)
    count = inside[..., -1:]
    draw = torch.rand(count.shape, generator=generator, device=masks.device)
    # the (k + 1)-th pixel inside, k uniform in 0 .. count - 1
    wanted = (draw * count).floor().to(torch.int32).clamp(max=(count - 1).clamp(min=0)) + 1
    index = torch.searchsorted(inside, wanted).squeeze(-1).clamp(max=flat.shape[-1] - 1)
    width = masks.shape[-1]
    return torch.stack([index % width, index // width], dim=-1)


def boxes_of(masks: Tensor) -> Tensor:
    """Tight boxes (..., 4), x1 y1 x2 y2, whose far sides are the last pixels' far edges. Empty masks give zeros."""
    columns, rows = masks.any(-2), masks.any(-1)
    width, height = masks.shape[-1], masks.shape[-2]
    x1, y1 = columns.int().argmax(-1), rows.int().argmax(-1)
    x2 = width - columns.flip(-1).int().argmax(-1)
    y2 = height - rows.flip(-1).int().argmax(-1)
    boxes = torch.stack([x1, y1, x2, y2], dim=-1).float()
    return boxes * columns.any(-1, keepdim=True)


def noisy_boxes(masks: Tensor, *, is_uniform: bool = False, generator: torch.Generator | None = None) -> Tensor:
    """Boxes as people draw them: each coordinate off by noise of 10 % of its side, at most 20 of 1024 pixels.

    Normal as in the SAM paper, or `is_uniform` as in SAM 2's code (sample_box_points).
    """
    boxes, size = boxes_of(masks), masks.shape[-1]
    sides = (boxes[..., 2:] - boxes[..., :2]).repeat(*[1] * (boxes.dim() - 1), 2)
    limit = BOX_NOISE_LIMIT * size / REFERENCE_INPUT
    if is_uniform:
        draw = 2 * torch.rand(boxes.shape, generator=generator, device=masks.device) - 1
        noise = draw * (BOX_NOISE_SHARE * sides).clamp(max=limit)
    else:
        draw = torch.randn(boxes.shape, generator=generator, device=masks.device)
        noise = (draw * BOX_NOISE_SHARE * sides).clamp(-limit, limit)
    moved = (boxes + noise).clamp(0, size)
    # noise on a thin box can swap its sides
    return torch.cat([torch.minimum(moved[..., :2], moved[..., 2:]), torch.maximum(moved[..., :2], moved[..., 2:])], -1)


def correction_points(
    masks: Tensor, answers: Tensor, *, from_mask: Tensor | None = None, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """A click (..., 2) and its label (...,) on each error region: 1 where the mask was missed, 0 where it spilt.

    Without an error, a pixel outside the mask (SAM 2's sample_random_points_from_errors), or inside it where there is
    none. `from_mask` (...,) marks prompts whose click ignores the answer and falls on the mask itself (SAM 2, appendix
    C.2: a tenth of them).
    """
    errors = masks ^ answers
    has_error = errors.flatten(-2).any(-1)[..., None, None]
    region = torch.where(has_error, errors, ~masks)
    region = torch.where(region.flatten(-2).any(-1)[..., None, None], region, masks)
    if from_mask is not None:
        region = torch.where(from_mask[..., None, None], masks, region)
    points = uniform_point(region, generator)
    at = points[..., 1] * masks.shape[-1] + points[..., 0]
    labels = masks.flatten(-2).gather(-1, at[..., None]).squeeze(-1)
    return points, labels.long()
