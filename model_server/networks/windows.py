"""A box's mask is upscaled in a window around the box, and whole only if it reaches the window's edge.

Upscaling the image side is more than a fourth of what a box costs, most of it for pixels far away from the object.
What a network would sprinkle there, apart from the object, is left out: of `nano`'s masks of 463 boxes of four
validation splits not one pixel was.
"""

from typing import Any

import torch
from torch import Tensor

from model_server.networks.two_way import PreparedImage

Window = tuple[int, int, int, int]

GROWN_BY = 0.5  # of the box's width and height, on each side
# Of logits outside of the window: outside of the mask at each threshold of the stability score.
OUTSIDE_LOGIT = -10.0


def windows_of(boxes_xyxy: Tensor, *, input_size: int, side: int) -> list[Window]:
    """Of boxes (P, 4) in input pixels: image positions x1, y1, x2, y2, the last ones not included.

    Each box is grown by half of its sides and one position, and lies within 0 and `side`.
    """
    places = boxes_xyxy.float() * (side / input_size)
    grown = GROWN_BY * (places[:, 2:] - places[:, :2]) + 1
    low = (places[:, :2] - grown).floor().clamp(0, side - 1)
    high = torch.maximum((places[:, 2:] + grown).ceil().clamp(1, side), low + 1)
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in torch.cat([low, high], dim=1).int().tolist()]


def logits_in(window: Window, upscale: Any, keys: Tensor, image: PreparedImage, hyper: Tensor) -> Tensor:
    """Low-resolution logits (4 side, 4 side) of one mask: `hyper` (C / 8,) over the upscaled `keys` (side, side, C)."""
    side = len(keys)
    x1, y1, x2, y2 = window
    rows = keys[y1:y2, x1:x2].reshape(-1, keys.shape[-1])
    upscaled = upscale(rows, _part(image, window, side))  # (n x 16, C / 8), blocks within blocks
    blocks = (upscaled @ hyper).view(y2 - y1, x2 - x1, 2, 2, 2, 2)
    found: Tensor = blocks.permute(0, 2, 4, 1, 3, 5).reshape(4 * (y2 - y1), 4 * (x2 - x1))
    if window == (0, 0, side, side):
        return found
    if _reaches_edge(found, window, side):
        return logits_in((0, 0, side, side), upscale, keys, image, hyper)
    whole = found.new_full((4 * side, 4 * side), OUTSIDE_LOGIT)
    whole[4 * y1 : 4 * y2, 4 * x1 : 4 * x2] = found
    return whole


def _part(image: PreparedImage, window: Window, side: int) -> PreparedImage:
    if image.quarters.dim() == 1:  # biases alone, the same everywhere
        return image
    x1, y1, x2, y2 = window

    def part(rows: Tensor) -> Tensor:
        return rows.view(side, side, -1, rows.shape[-1])[y1:y2, x1:x2].reshape(-1, rows.shape[-1])

    return PreparedImage(image.rows, part(image.quarters), part(image.sixteenths))


def _reaches_edge(found: Tensor, window: Window, side: int) -> bool:
    """Whether a mask goes on beyond its window; the image's own edge is none."""
    edges = [found[:, 0], found[0], found[:, -1], found[-1]]
    ends_at = (0, 0, side, side)
    inner = [edge for edge, at, end in zip(edges, window, ends_at, strict=True) if at != end]
    return bool((torch.cat(inner) > 0).any())
