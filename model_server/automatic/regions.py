"""Masks as runs along their columns: moved into the image, and freed of islands and holes, without their pixels.

Masks are changes as in contract.masks.from_changes: column-major positions, rising, of pixels unlike the one before.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]


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


def remove_small(changes: Positions, *, size_hw: tuple[int, int], min_area: int) -> Positions:
    """Holes of fewer than `min_area` pixels filled, then islands of fewer removed, both 8-connected.

    As segment_anything's remove_small_regions, with one difference: islands go even if nothing is left.
    """
    holes = runs_of(changes, size_hw=size_hw, outside=True)
    is_small = areas(holes) < min_area
    if is_small.any():
        filled, small = runs_of(changes, size_hw=size_hw), holes.where(is_small)
        joined = (
            np.concatenate(pair)
            for pair in ((filled.x, small.x), (filled.top, small.top), (filled.bottom, small.bottom))
        )
        changes = changes_of(Runs(*joined), size_hw=size_hw)
    islands = runs_of(changes, size_hw=size_hw)
    is_small = areas(islands) < min_area
    return changes_of(islands.where(~is_small), size_hw=size_hw) if is_small.any() else changes


def areas(runs: Runs) -> Positions:
    """For every run, the pixels of the 8-connected region that it belongs to."""
    if not runs.x.size:
        return runs.x
    region = _regions(runs)
    return np.bincount(region, weights=runs.lengths).astype(np.int64)[region]


def _regions(runs: Runs) -> Positions:
    """A number for every run, the same for all of a region: the index of its first run."""
    one, other = _neighbours(runs)
    region = np.arange(runs.x.size)
    while True:  # each round joins every region to the least it touches, then shortens the chains
        least = np.minimum(region[one], region[other])
        joined = region.copy()
        np.minimum.at(joined, region[one], least)
        np.minimum.at(joined, region[other], least)
        while not np.array_equal(joined, joined[joined]):
            joined = joined[joined]
        joined = joined[region]
        if np.array_equal(joined, region):
            return region
        region = joined


def _neighbours(runs: Runs) -> tuple[Positions, Positions]:
    """Pairs of runs in adjoining columns that touch, corners included."""
    span = int(runs.bottom.max()) + 2  # one row more than an end can reach into the next column's
    tops, bottoms = runs.x * span + runs.top, runs.x * span + runs.bottom
    # Of the next column, those that end at or below this run's top and start at or above its bottom.
    first = np.searchsorted(bottoms, tops + span, side="left")
    stop = np.searchsorted(tops, bottoms + span, side="right")
    counts = np.maximum(stop - first, 0)
    one = np.repeat(np.arange(runs.x.size), counts)
    other = first[one] + np.arange(one.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return one, other
