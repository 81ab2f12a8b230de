"""Where a person clicks: the middle of the object first, then the middle of the largest error (RITM's clicker)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model_server.contract.masks import Bools

Distances = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Click:
    """A clicked pixel: column `x`, row `y`; positive is on the object."""

    x: int
    y: int
    is_positive: bool

    def prompt(self) -> dict[str, Any]:
        """At the pixel's centre, as the API takes it."""
        return {"type": "point", "x": self.x + 0.5, "y": self.y + 0.5, "label": int(self.is_positive)}


def next_click(truth_hw: Bools, predicted_hw: Bools, clicked: list[Click]) -> Click | None:
    """The pixel deepest inside the missed or the surplus part, whichever is deeper; None when none is left to click.

    RITM (isegm/inference/clicker.py, `_get_next_click`): clicked pixels do not count, equal depths are a negative
    click, of several the first in row-major order. With an empty prediction it is SAM's first click.
    """
    depth_missed, missed_xy = _deepest(truth_hw & ~predicted_hw, clicked)
    depth_surplus, surplus_xy = _deepest(predicted_hw & ~truth_hw, clicked)
    if max(depth_missed, depth_surplus) == 0:
        return None
    is_positive = depth_missed > depth_surplus
    return Click(*(missed_xy if is_positive else surplus_xy), is_positive)


def _deepest(region_hw: Bools, clicked: list[Click]) -> tuple[int, tuple[int, int]]:
    """The largest squared distance to the outside of the region and the pixel (x, y) that has it; 0 for no region.

    The bounding box is enough: all beyond it is outside, as is all beyond the picture.
    """
    columns = np.flatnonzero(region_hw.any(axis=0))
    if columns.size == 0:
        return 0, (0, 0)
    rows = np.flatnonzero(region_hw[:, columns[0] : columns[-1] + 1].any(axis=1))
    left, top = int(columns[0]), int(rows[0])
    squared = squared_distances(region_hw[top : rows[-1] + 1, left : columns[-1] + 1])
    height, width = squared.shape
    for click in clicked:
        if left <= click.x < left + width and top <= click.y < top + height:
            squared[click.y - top, click.x - left] = 0
    y, x = divmod(int(squared.argmax()), width)
    return int(squared[y, x]), (x + left, y + top)


def squared_distances(region_hw: Bools) -> Distances:
    """Exact squared distance of each pixel to the nearest one outside the region or the array, (height, width).

    Down the columns first, then along the rows the smallest of (x - k)^2 + vertical^2 (Felzenszwalb and Huttenlocher,
    "Distance Transforms of Sampled Functions"), k from near to far and no farther than the deepest pixel is deep.
    """
    padded = np.pad(region_hw, 1)
    height, width = padded.shape
    row = np.arange(height)[:, None]
    above = np.maximum.accumulate(np.where(padded, -1, row), axis=0)
    below = np.minimum.accumulate(np.where(padded, height, row)[::-1], axis=0)[::-1]
    vertical = np.minimum(row - above, below - row) ** 2
    squared = vertical.copy()
    for step in range(1, width):
        if step * step >= squared.max():
            break
        np.minimum(squared[:, step:], vertical[:, :-step] + step * step, out=squared[:, step:])
        np.minimum(squared[:, :-step], vertical[:, step:] + step * step, out=squared[:, :-step])
    return squared[1:-1, 1:-1].copy()
