"""Boxes [x1, y1, x2, y2] with scores: overlap, and the suppression of repetitions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ScoredBoxes:
    """Boxes (n, 4) in image pixels, scores (n,) in 0..1, the highest first."""

    boxes_xyxy: Floats
    scores: Floats

    def part(self, start: int, count: int) -> "ScoredBoxes":
        """Up to `count` of them from `start` on."""
        return ScoredBoxes(self.boxes_xyxy[start : start + count], self.scores[start : start + count])


def box_ious(a_xyxy: Floats, b_xyxy: Floats) -> Floats:
    """Intersection over union of every pair, (len(a), len(b)); 0 where both boxes are empty."""
    top_left = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    bottom_right = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    common = np.prod(np.clip(bottom_right - top_left, 0, None), axis=-1)
    areas_a, areas_b = (np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=-1) for boxes in (a_xyxy, b_xyxy))
    either = areas_a[:, None] + areas_b[None] - common
    ious: Floats = np.divide(common, either, out=np.zeros_like(common), where=either > 0)
    return ious


def nms(boxes_xyxy: Floats, scores: Floats, *, threshold: float, limit: int | None = None) -> Indices:
    """Greedy non-maximum suppression: indices of the kept boxes, the highest score first.

    A box goes when it overlaps a kept one by more than `threshold`; of equal scores the earlier box wins.
    """
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while left.size and (limit is None or len(kept) < limit):
        first, left = left[0], left[1:]
        kept.append(int(first))
        left = left[box_ious(boxes_xyxy[first : first + 1], boxes_xyxy[left])[0] <= threshold]
    return np.array(kept, np.int64)


def best_boxes(boxes_xyxy: Floats, scores: Floats, *, size_hw: tuple[int, int], limit: int) -> ScoredBoxes:
    """At most `limit` boxes, cut at the image's edges; those of no area and those that are no numbers are left out."""
    sound = np.isfinite(scores) & np.isfinite(boxes_xyxy).all(1)
    boxes, scores = boxes_xyxy[sound].astype(np.float32), scores[sound].astype(np.float32)
    height, width = size_hw
    boxes = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    has_area = (boxes[:, 2:] > boxes[:, :2]).all(1)
    boxes, scores = boxes[has_area], scores[has_area]
    order = np.argsort(-scores, kind="stable")[:limit]
    return ScoredBoxes(boxes[order], scores[order])
