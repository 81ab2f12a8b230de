"""Masks as runs along their columns: moved into an image and joined, without their pixels.

Masks are changes as in masks.from_changes: column-major positions, rising, of pixels unlike the one before.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_server.contract.masks import Positions

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Runs:
    """Pixels [top, bottom) of column x, one entry per run, in order of position; no run crosses columns."""

    x: Positions
    top: Positions
    bottom: Positions

    @property
    def lengths(self) -> Positions:
        """Pixels of each run."""
        return self.bottom - self.top

    def where(self, keep: npt.NDArray[np.bool_]) -> "Runs":
        """Some of them."""
        return Runs(self.x[keep], self.top[keep], self.bottom[keep])


def runs_of(changes: Positions, *, size_hw: tuple[int, int], outside: bool = False) -> Runs:
    """The runs of a mask's pixels, or of those outside of it."""
    height, width = size_hw
    ends = np.concatenate(([0], changes) if outside else (changes,))
    if ends.size % 2:
        ends = np.append(ends, height * width)
    starts, stops = ends[0::2], ends[1::2]
    starts, stops = starts[stops > starts], stops[stops > starts]  # a mask may begin at pixel 0
    first, last = starts // height, (stops - 1) // height
    columns = last - first + 1
    run = np.repeat(np.arange(starts.size), columns)
    x = first[run] + np.arange(run.size) - np.repeat(np.cumsum(columns) - columns, columns)
    top = np.where(x == first[run], starts[run] % height, 0)
    bottom = np.where(x == last[run], (stops[run] - 1) % height + 1, height)
    return Runs(x, top, bottom)


def changes_of(runs: Runs, *, size_hw: tuple[int, int]) -> Positions:
    """The mask of disjoint runs, in any order."""
    height, width = size_hw
    ends = np.sort(np.concatenate((runs.x * height + runs.top, runs.x * height + runs.bottom)))
    firsts = np.flatnonzero(np.append(True, ends[1:] != ends[:-1])) if ends.size else ends
    is_odd = np.diff(np.append(firsts, ends.size)) % 2 == 1  # where one run ends and the next begins, nothing changes
    changes: Positions = ends[firsts[is_odd]]
    return changes[changes < height * width]


def uncrop(
    changes: Positions, *, crop_hw: tuple[int, int], offset_xy: tuple[int, int], size_hw: tuple[int, int]
) -> Positions:
    """A crop's mask as one of the image."""
    if crop_hw == size_hw:
        return changes
    runs = runs_of(changes, size_hw=crop_hw)
    return changes_of(Runs(runs.x + offset_xy[0], runs.top + offset_xy[1], runs.bottom + offset_xy[1]), size_hw=size_hw)


def outside_of(runs: Runs, box_xyxy: Box) -> Runs:
    """The parts of the runs that lie outside a box of whole pixels."""
    x1, y1, x2, y2 = box_xyxy
    is_beside = (runs.x < x1) | (runs.x >= x2)
    above = Runs(runs.x, runs.top, np.where(is_beside, runs.bottom, np.minimum(runs.bottom, y1)))
    below = Runs(runs.x, np.where(is_beside, runs.bottom, np.maximum(runs.top, y2)), runs.bottom)
    return joined(*(part.where(part.lengths > 0) for part in (above, below)))


def joined(*parts: Runs) -> Runs:
    """All runs of several disjoint sets."""
    x, top, bottom = (np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "top", "bottom"))
    return Runs(x, top, bottom)
