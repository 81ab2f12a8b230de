"""Where a simulated person clicks: the middle of the object first, then the middle of the largest error.

The distance transform is exact (OpenCV, DIST_L2 with mask size 0). It is taken of the region's bounding box with one
zero pixel around it, which gives the same distances as the whole padded picture, as all outside the region is zero.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from model_server.contract.geometry import BoxPrompt, PointPrompt

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Click:
    """A clicked pixel: column `x`, row `y`; positive is on the object."""

    x: int
    y: int
    is_positive: bool

    def prompt(self) -> PointPrompt:
        """At the pixel's centre."""
        return PointPrompt(x=self.x + 0.5, y=self.y + 0.5, label=1 if self.is_positive else 0)


def first_click(truth_hw: Bools) -> Click:
    """The inner pixel farthest from the object's border, the first in row-major order (SAM, appendix D.1)."""
    nothing = np.zeros_like(truth_hw)
    return next_click(truth_hw, nothing, [])


def random_click(truth_hw: Bools, generator: np.random.Generator) -> Click:
    """A pixel of the object, uniform (the harder variant of SAM, appendix D.1: only the first click is random)."""
    rows, columns = np.nonzero(truth_hw)
    chosen = int(generator.integers(len(rows)))
    return Click(int(columns[chosen]), int(rows[chosen]), True)


def next_click(truth_hw: Bools, predicted_hw: Bools, clicked: list[Click], void_hw: Bools | None = None) -> Click:
    """The middle of the larger error, to the letter of RITM (isegm/inference/clicker.py, `_get_next_click`).

    Missed and surplus pixels, void ones left out, are padded by one zero pixel and transformed to L2 distances, zeroed
    where a click was before. Positive only if the farthest missed pixel is farther in than the farthest surplus one;
    the first maximum in row-major order. When nothing but clicked pixels is wrong, RITM clicks the top left pixel
    as background; so does this.
    """
    missed, surplus = truth_hw & ~predicted_hw, predicted_hw & ~truth_hw
    if void_hw is not None:
        missed, surplus = missed & ~void_hw, surplus & ~void_hw
    (depth_missed, missed_xy), (depth_surplus, surplus_xy) = _deepest(missed, clicked), _deepest(surplus, clicked)
    is_positive = depth_missed > depth_surplus
    x, y = missed_xy if is_positive else surplus_xy
    return Click(x, y, is_positive)


def _deepest(region_hw: Bools, clicked: list[Click]) -> tuple[float, tuple[int, int]]:
    """The largest distance to the outside of the region, and where; 0 and the top left pixel for none."""
    columns = np.flatnonzero(region_hw.any(axis=0))
    if columns.size == 0:
        return 0.0, (0, 0)
    left, right = columns[0], columns[-1] + 1
    rows = np.flatnonzero(region_hw[:, left:right].any(axis=1))
    top, bottom = rows[0], rows[-1] + 1
    padded = np.zeros((bottom - top + 2, right - left + 2), np.uint8)
    padded[1:-1, 1:-1] = region_hw[top:bottom, left:right]
    distance: npt.NDArray[np.float32] = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
    for click in clicked:
        if left <= click.x < right and top <= click.y < bottom:
            distance[click.y - top + 1, click.x - left + 1] = 0
    y, x = np.unravel_index(int(np.argmax(distance)), distance.shape)
    depth = float(distance[y, x])
    return (depth, (int(x) - 1 + int(left), int(y) - 1 + int(top))) if depth > 0 else (0.0, (0, 0))


def tight_box(bbox_xywh: list[int]) -> BoxPrompt:
    """The box that just holds all pixels of a mask; one pixel gives a box of 1 x 1."""
    x, y, width, height = bbox_xywh
    return BoxPrompt(x1=x, y1=y, x2=x + width, y2=y + height)
